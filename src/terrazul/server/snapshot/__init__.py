"""Snapshots: the files of a source directory, by content."""
