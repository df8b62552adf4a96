"""Names of models that can be elsewhere and not here, and how they are written here."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from typing import Dict, Iterable

from terrazul.core.errors import InvalidInput
from terrazul.core.ids import check_model_name

ORIGINAL_NAME = "terrazul.importedName"
"""The tag of a registered model that keeps the name which it had."""

_OTHER = re.compile(r"[^A-Za-z0-9._-]+")
_LIMIT = 255
_MARK_LENGTH = 8


def names_here(names: Iterable[str]) -> Dict[str, str]:
    """For each of the names that no model can have here, the one under which it is written; no two become one.

    It has ``-`` in the place of what is not allowed; where that is the name of another, a mark of the whole name more.
    """
    all_names = set(names)
    kept = {name for name in all_names if _is_allowed(name)}
    written = {name: _OTHER.sub("-", name).strip("-._")[:_LIMIT] or "model" for name in all_names - kept}
    wanted = Counter([*kept, *written.values()])
    return {
        name: f"{plain[: _LIMIT - _MARK_LENGTH - 1]}-{_mark(name)}" if wanted[plain] > 1 else plain
        for name, plain in sorted(written.items())
    }


def _is_allowed(name: str) -> bool:
    try:
        check_model_name(name)
    except InvalidInput:
        return False
    return True


def _mark(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:_MARK_LENGTH]
