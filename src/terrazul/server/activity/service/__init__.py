"""What is kept of an act, and what one can do with the log."""
