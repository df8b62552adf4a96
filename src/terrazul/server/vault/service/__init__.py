"""What one can do with the key vault."""
