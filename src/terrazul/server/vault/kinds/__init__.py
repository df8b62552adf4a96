"""One file per kind of place where master keys are kept; a module's name is the kind's."""
