"""What one can do with datastores."""
