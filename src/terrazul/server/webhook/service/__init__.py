"""What one can do with webhooks, and how events reach them."""
