"""Asking for deletions, carrying them out, collecting bytes that nothing names any more."""
