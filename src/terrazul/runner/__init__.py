"""Runs one run on a compute."""
