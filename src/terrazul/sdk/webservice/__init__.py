"""Web services: models behind HTTP."""
