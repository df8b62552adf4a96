"""Environments: definitions under a name and a version."""
