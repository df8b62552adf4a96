"""One file per kind of place where a web service is served."""
