"""Datastores: where the data of a workspace lies, how it is reached, and the way to its bytes."""
