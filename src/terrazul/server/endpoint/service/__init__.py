"""What one can do with web services and images, and what keeps web services alive."""
