"""What one can do with runs."""
