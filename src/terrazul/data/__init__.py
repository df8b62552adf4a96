"""Data by reference, as the SDK, the server and the runner share it: patterns, and the way to the bytes of files."""
