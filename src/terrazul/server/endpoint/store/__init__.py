"""The rows of web services and images."""
