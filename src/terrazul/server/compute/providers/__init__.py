"""One file per provider of nodes."""
