"""The YAML of conda files, run configurations and v1's exports, with the standard library alone.

Read are block and flow maps and lists, plain, quoted, literal and folded texts, and comments, with YAML 1.1's scalars
as PyYAML reads them. Anchors, aliases, tags, complex keys and several documents are refused with line and reason.
Reader and writer are loaded when they are first used: most scripts need neither.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from terrazul.sdk.yaml_text.reader import load
    from terrazul.sdk.yaml_text.writer import dump

__all__ = ["dump", "load"]

_HOMES = {"dump": "writer", "load": "reader"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module '{__name__}' has no attribute '{name}'"
        raise AttributeError(message)
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
