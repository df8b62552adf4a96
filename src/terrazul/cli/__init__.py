"""The command line, one module per concept."""
