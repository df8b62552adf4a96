"""The server: it decides and remembers. One folder per concept."""
