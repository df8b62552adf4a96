"""What the columns of a dataset hold, and how two datasets differ."""
