"""Runs of several processes, on one node or several: who they are, how they find each other, how they end together."""
