"""The HTTP of datastores."""
