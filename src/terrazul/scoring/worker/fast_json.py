"""``json.loads`` by orjson, where that gives exactly what the standard library gives.

v1 scripts call ``json.loads`` themselves, and for many rows that is most of a request's time. Whatever orjson refuses
(NaN, infinities, lone surrogates, texts that are no JSON) is read by the standard library, which then gives its own
value or its own error. orjson turns integers beyond 64 bits into floats, so texts with a run of 19 digits or more are
left to the standard library too.
"""

from __future__ import annotations

import importlib
import json
from typing import Any, Callable

_DIGITS = bytes(ord("0") if chr(each) in "0123456789" else ord(" ") for each in range(256))
"""Every digit becomes a zero, everything else a space."""
_LONG = b"0" * 19
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

    def loads(s: Any, *arguments: Any, **options: Any) -> Any:
        if options or arguments or len(s) < _WORTH_A_CALL:
            return standard(s, *arguments, **options)
        try:
            data = s.encode("utf-8") if isinstance(s, str) else bytes(s)
            if _LONG in data.translate(_DIGITS):
                return standard(s)
            return quick(data)
        except (ValueError, TypeError):
            return standard(s)

    loads.__doc__ = standard.__doc__
    return loads
