"""Workspaces: the top, they own everything below."""
