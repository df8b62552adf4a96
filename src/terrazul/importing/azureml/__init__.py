"""A v1 workspace: the program that saves one into a folder, and the source that reads the folder."""
