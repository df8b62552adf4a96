"""Serves one deployment: a front that speaks HTTP, and workers that hold the entry script."""
