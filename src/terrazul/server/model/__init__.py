"""Models: files under a name and a version, by content."""
