"""Deleting for good: what is doomed is out of sight at once, and goes in small steps that survive a restart."""
