"""Datastores: where data lies and how it is reached."""
