"""What one can do with compute targets, and what the server does for them."""
