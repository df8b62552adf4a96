"""A package of v1; see the modules in it."""
