"""Webhooks: who is told what happens in the registry, and the deliveries."""
