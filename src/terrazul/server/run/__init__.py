"""Runs: state, metrics, files, logs."""
