"""Data by reference, for whoever reads it: SDK, runner and server. Standard library alone, but for what is told."""
