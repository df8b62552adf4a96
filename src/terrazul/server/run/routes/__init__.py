"""The HTTP of runs."""
