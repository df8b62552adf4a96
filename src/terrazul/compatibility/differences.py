"""Where a v1 name works otherwise than in v1, and how: each a decision, most of them because users asked for it."""

from __future__ import annotations

from typing import Dict

DIFFERENCES: Dict[str, str] = {}
