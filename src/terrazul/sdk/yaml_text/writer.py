"""Writing YAML text."""

from __future__ import annotations

import math
import re
from datetime import date
from typing import Any, Callable, Dict, Iterator, List

from terrazul.sdk.yaml_text.scalar import resolve

_PLAIN = re.compile(r"[A-Za-z0-9_./$(][ -~]*\Z")
_NOT_PLAIN = re.compile(r":(?: |\Z)| #| \Z|[\[\]{},]|\A\.\.\.")
_ESCAPED = re.compile(r"[^ !#-\[\]-~]")


def dump(value: Any) -> str:
    """The YAML text of maps, lists and scalars, in block form, keys in their order; ``load`` gives the value back.

    Raises ``TypeError`` for a value of another type.
    """
    return "\n".join(_lines(value)) + "\n"


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value:
        return _lines_of_mapping(value)
    if isinstance(value, (list, tuple)) and value:
        return _lines_of_sequence(list(value))
    return iter([_scalar(value)])


def _lines_of_mapping(mapping: Dict[Any, Any]) -> Iterator[str]:
    for key, value in mapping.items():
        if isinstance(value, (dict, list, tuple)) and value:
            indent = "  " if isinstance(value, dict) else ""
            yield f"{_scalar(key)}:"
            yield from (indent + line for line in _lines(value))
        else:
            yield f"{_scalar(key)}: {_scalar(value)}"


def _lines_of_sequence(sequence: List[Any]) -> Iterator[str]:
    for item in sequence:
        for index, line in enumerate(_lines(item)):
            yield ("  " if index else "- ") + line


def _scalar(value: Any) -> str:
    for kind, write in _WRITERS.items():
        if isinstance(value, kind):
            return write(value)
    message = f"{type(value).__name__} cannot be written as YAML"
    raise TypeError(message)


def _float(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    text = repr(float(value))
    if "e" in text and "." not in text:
        return text.replace("e", ".0e")
    return text


def _text(text: str) -> str:
    if _PLAIN.match(text) and not _NOT_PLAIN.search(text) and _means_itself(text):
        return text
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def _means_itself(text: str) -> bool:
    try:
        return resolve(text) == text
    except ValueError:
        return False


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    if character in '"\\':
        return "\\" + character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\U{code:08x}"  # noqa: PLR2004  # what two hexadecimal digits hold


_WRITERS: Dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "null",
    bool: lambda value: "true" if value else "false",
    str: _text,
    int: lambda value: str(int(value)),
    float: _float,
    date: lambda value: value.isoformat().replace("T", " "),
    dict: lambda _: "{}",
    list: lambda _: "[]",
    tuple: lambda _: "[]",
}
