"""Holding what a failed run ran in, for a look inside."""
