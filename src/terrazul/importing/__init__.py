"""Bringing what was recorded elsewhere into a workspace: sources that are read, and the delivery that writes.

A source (``source.py``) knows nothing of the server, and the delivery nothing of where things come from.
"""
