"""A filter's text as tokens, each with its place."""

from __future__ import annotations

import enum
import re
from typing import NamedTuple

from terrazul.core.errors import InvalidInput

TEXT_LIMIT = 100_000
"""The most characters that a filter may have."""
_SHOWN = 40


class TokenKind(enum.Enum):
    """What a token is, in the words in which errors tell of it."""

    WORD = "a name"
    NUMBER = "a number"
    SINGLE = "a text in quotes"
    DOUBLE = "a text in double quotes"
    BACKTICK = "a name in backticks"
    OPERATOR = "an operator"
    OPEN = "'('"
    CLOSE = "')'"
    COMMA = "','"
    END = "the end"


class Token(NamedTuple):
    """One token: ``text`` as it is written, ``value`` without quotes; ``place`` counts characters from 1."""

    kind: TokenKind
    text: str
    value: str
    place: int

    @property
    def keyword(self) -> str:
        """The word in capitals; empty for everything that is no word."""
        return self.text.upper() if self.kind is TokenKind.WORD else ""

    @property
    def shown(self) -> str:
        """The token as an error shows it."""
        if self.kind is TokenKind.END:
            return str(self.kind.value)
        return repr(self.text if len(self.text) <= _SHOWN else self.text[: _SHOWN - 3] + "...")


_TOKEN = re.compile(
    r"""
    (?P<NUMBER>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w.:/$@-]))
    |(?P<WORD>[\w$@][\w.:/$@-]*)
    |(?P<SINGLE>'(?:[^']|'')*')
    |(?P<DOUBLE>"(?:[^"]|"")*")
    |(?P<BACKTICK>`(?:[^`]|``)*`)
    |(?P<OPERATOR><=|>=|!=|=|<|>)
    |(?P<OPEN>\()
    |(?P<CLOSE>\))
    |(?P<COMMA>,)
    """,
    re.VERBOSE,
)
_SPACE = re.compile(r"\s*")
_QUOTED = {TokenKind.SINGLE: "'", TokenKind.DOUBLE: '"', TokenKind.BACKTICK: "`"}


def tokenize(text: str, what: str) -> list[Token]:
    """The tokens of a text, and one for its end; ``what`` names the text in errors. Raises ``InvalidInput``."""
    _check(text, what)
    tokens: list[Token] = []
    place = _skip_space(text, 0)
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None or found.lastgroup is None:
            raise unreadable(what, place + 1, _oddity(text[place]))
        kind = TokenKind[found.lastgroup]
        tokens.append(Token(kind, found[0], _value(kind, found[0]), place + 1))
        place = _skip_space(text, found.end())
    return [*tokens, Token(TokenKind.END, "", "", len(text) + 1)]


def unreadable(what: str, place: int, why: str, hint: str | None = None) -> InvalidInput:
    """The error for a text that cannot be understood from a place on."""
    return InvalidInput(f"The {what} cannot be read at position {place}: {why}.", target=what, hint=hint)


def _check(text: str, what: str) -> None:
    if len(text) > TEXT_LIMIT:
        raise InvalidInput(
            f"The {what} has {len(text)} characters; it may have {TEXT_LIMIT}.",
            target=what,
            hint="Search for less at once.",
        )
    if "\0" in text:
        raise unreadable(what, text.index("\0") + 1, "no text holds the character NUL")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise unreadable(what, error.start + 1, "half of a surrogate pair is no character") from None


def _skip_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _value(kind: TokenKind, text: str) -> str:
    quote = _QUOTED.get(kind)
    return text[1:-1].replace(quote * 2, quote) if quote else text


def _oddity(character: str) -> str:
    if character in _QUOTED.values():
        return f"the quote {character} is not closed"
    return f"the character {character!r} has no meaning here"
