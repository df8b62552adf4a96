"""``json.loads`` by orjson, where that gives exactly what the standard library gives.

v1 scripts call ``json.loads`` themselves, and for many rows that is most of a request's time. Whatever orjson refuses
(NaN, infinities, lone surrogates, texts that are no JSON) is read by the standard library, which then gives its own
value or its own error. orjson makes floats of integers beyond 64 bits, so texts that may hold one are left to the
standard library too: those with 19 digits in a row that are no fraction.
"""

from __future__ import annotations

import functools
import importlib
import json
from typing import Any, Callable

_OTHERS = bytes(set(range(256)) - set(b"0123456789."))
_KINDS = bytes.maketrans(b"123456789" + _OTHERS, b"0" * 9 + b" " * len(_OTHERS))
"""Digits become ``0``, points stay, all else becomes a space."""
_LONG = b" " + b"0" * 19
_BEGINNINGS = (b"{", b"[")
_WORTH_A_CALL = 64
"""Shorter texts are read as quickly by the standard library."""


def install() -> bool:
    """Put the fast reader in the place of ``json.loads``; false where there is no orjson."""
    try:
        orjson: Any = importlib.import_module("orjson")  # an optional package
    except ImportError:
        return False
    json.loads = faster(json.loads, orjson.loads)
    return True


def faster(standard: Callable[..., Any], quick: Callable[[Any], Any]) -> Callable[..., Any]:
    """A ``json.loads`` that gives what ``standard`` gives."""

    @functools.wraps(standard)
    def loads(s: Any, *arguments: Any, **options: Any) -> Any:
        if options or arguments:
            return standard(s, *arguments, **options)
        try:
            if len(s) < _WORTH_A_CALL:
                return standard(s)
            data = s.encode("utf-8") if isinstance(s, str) else bytes(s)
            if data[:1] not in _BEGINNINGS or _LONG in data.translate(_KINDS):
                return standard(s)
            return quick(data)
        except (ValueError, TypeError):
            return standard(s)

    return loads
