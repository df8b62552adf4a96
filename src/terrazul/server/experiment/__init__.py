"""Experiments: groups of runs."""
