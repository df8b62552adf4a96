"""One file per kind of compute; the module name is the name of the kind."""
