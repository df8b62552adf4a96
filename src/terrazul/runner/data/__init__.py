"""The data of a run: brought before the script, told to it, and taken from it when it is over."""
