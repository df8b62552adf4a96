"""Contract test classes that every kind and every store passes."""
