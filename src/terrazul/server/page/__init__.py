"""What a browser gets at the server's own addresses."""
