"""Checks of the arguments of steps, each with the error that says what is wrong."""

from __future__ import annotations

from typing import Any, Collection, Dict, List, NoReturn, Sequence

from terrazul.core.errors import InvalidInput

LONGEST_TEXT = 10_000
MOST_ITEMS = 100_000
_SHOWN = 80


def refuse(name: str, value: object, wanted: str) -> NoReturn:
    """Raise ``InvalidInput`` for an argument that is not what it must be."""
    shown = repr(value)[:_SHOWN]
    message = f"{name} is {shown}, and has to be {wanted}."
    raise InvalidInput(message, target=name)


def count(name: str, value: Any, least: int = 0) -> int:
    """A whole number that is not less than the least."""
    if type(value) is not int or value < least:
        refuse(name, value, f"a whole number from {least} on")
    return int(value)


def fraction(name: str, value: Any) -> float:
    """A number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        refuse(name, value, "a number from 0 to 1")
    return float(value)


def flag(name: str, value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        refuse(name, value, "True or False")
    return value


def text(name: str, value: Any, *, empty: bool = False) -> str:
    """A text of reasonable length that UTF-8 can write."""
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or not (value or empty) or not _is_writable(value):
        refuse(name, value, f"a text of 1 to {LONGEST_TEXT} characters")
    return value


def texts(name: str, value: Any, *, empty: bool = False) -> List[str]:
    """A list of texts."""
    if isinstance(value, str) or not isinstance(value, (list, tuple)) or len(value) > MOST_ITEMS:
        refuse(name, value, "a list of texts")
    if not value and not empty:
        refuse(name, value, "a list with at least one text")
    return [text(name, each) for each in value]


def one_of(name: str, value: Any, known: Collection[str]) -> str:
    """One of some words."""
    if not isinstance(value, str) or value not in known:
        refuse(name, value, "one of " + ", ".join(map(repr, known)))
    return value


def mapping(name: str, value: Any) -> Dict[str, Any]:
    """A dictionary with texts as its keys."""
    if not isinstance(value, dict) or len(value) > MOST_ITEMS:
        refuse(name, value, "a dictionary")
    for key in value:
        text(name, key)
    return value


def only(name: str, given: Sequence[str], known: Collection[str]) -> None:
    """Raise ``InvalidInput`` for a name that is not known."""
    for each in given:
        if each not in known:
            message = f"{name} knows no {each[:_SHOWN]!r}."
            raise InvalidInput(message, target=name, hint="It knows " + ", ".join(known) + ".")


def _is_writable(value: str) -> bool:
    return "\x00" not in value and not any("\ud800" <= each <= "\udfff" for each in value)
