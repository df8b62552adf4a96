"""Bytes by content: SHA-256 names them, every workspace keeps its own."""
