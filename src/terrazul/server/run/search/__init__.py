"""Finding runs by what they have recorded: from a filter's text to a page of runs."""
