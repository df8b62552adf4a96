"""One file per kind of database."""
