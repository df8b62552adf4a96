"""The HTTP of web services and images."""
