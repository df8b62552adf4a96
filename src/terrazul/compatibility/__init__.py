"""How v1 code gets on here: the v1 surface as facts, what of it works, and the scan of a folder of v1 code."""
