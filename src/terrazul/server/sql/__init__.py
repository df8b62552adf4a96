"""The database: one writer whose transactions many writes share, readers beside it, migrations."""
