"""The names by which entry scripts import from v1's inference server; no logic. What serves is ``terrazul.scoring``."""
