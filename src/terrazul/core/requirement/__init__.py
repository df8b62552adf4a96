"""Lists of packages, as conda files and pip lines have them, made into requirements of the Python package index."""
