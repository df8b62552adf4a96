"""One file per kind of storage."""
