"""The key vault: secrets, encrypted with keys that are kept outside of the database."""
