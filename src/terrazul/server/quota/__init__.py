"""Quotas: how much a workspace, and a user in it, may use."""
