"""What a text looks like, meant the same on every database: how it begins, and LIKE and ILIKE.

In a pattern ``%`` is any text, ``_`` any character, all else is itself.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, ColumnElement, Text, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

LETTERS = "terrazul_letters"
"""The collation by which PostgreSQL tells small letters and capitals apart; it is made together with the tables."""
_GLOB_SPECIAL = {"*": "[*]", "?": "[?]", "[": "[[]", "%": "*", "_": "?"}


class _Like(FunctionElement[bool]):
    """Column, pattern, and the pattern as SQLite's GLOB writes it."""

    name = "exactly_like"
    type = Boolean()
    inherit_cache = True


class _ILike(_Like):
    """As ``_Like``, whatever the case of letters."""

    name = "exactly_ilike"
    inherit_cache = True


class _BeginsWith(FunctionElement[bool]):
    """Column, and the text that it is to begin with."""

    name = "begins_with"
    type = Boolean()
    inherit_cache = True


def begins_with(column: ColumnElement[Any], beginning: str) -> ColumnElement[bool]:
    """The condition that a text begins with another one, which has any length."""
    return _BeginsWith(column, literal(beginning, Text))


def at_or_below(column: ColumnElement[Any], path: str) -> ColumnElement[bool]:
    """The condition that a path is this one, or lies below it."""
    return (column == path) | begins_with(column, f"{path}/")


def like(column: ColumnElement[Any], pattern: str, *, fold: bool) -> ColumnElement[bool]:
    """The condition that a text has the form of the pattern; ``fold`` lets small letters and capitals be the same."""
    glob = "".join(_GLOB_SPECIAL.get(each) or (_either_case(each) if fold else each) for each in pattern)
    # SQLite's own LIKE folds ASCII letters always and others never; GLOB does neither
    return (_ILike if fold else _Like)(column, literal(pattern, Text), literal(glob, Text))


def _either_case(character: str) -> str:
    forms = sorted({form for form in (character, character.lower(), character.upper()) if len(form) == 1})
    return f"[{''.join(forms)}]" if len(forms) > 1 else character


@compiles(_BeginsWith)
def _render_starts_with(element: _BeginsWith, compiler: SQLCompiler, **options: Any) -> str:
    return f"starts_with({compiler.process(element.clauses, **options)})"


@compiles(_BeginsWith, "sqlite")
def _render_substr(element: _BeginsWith, compiler: SQLCompiler, **options: Any) -> str:
    column, beginning = (compiler.process(each, **options) for each in element.clauses)
    return f"(substr({column}, 1, length({beginning})) = {beginning})"


@compiles(_Like)
def _render_like(element: _Like, compiler: SQLCompiler, **options: Any) -> str:
    return _render(element, compiler, "LIKE", options)


@compiles(_ILike)
def _render_ilike(element: _ILike, compiler: SQLCompiler, **options: Any) -> str:
    return _render(element, compiler, "ILIKE", options, f' COLLATE "{LETTERS}"')


@compiles(_Like, "sqlite")
@compiles(_ILike, "sqlite")
def _render_glob(element: _Like, compiler: SQLCompiler, **options: Any) -> str:
    column, _pattern, glob = element.clauses
    return f"({compiler.process(column, **options)} GLOB {compiler.process(glob, **options)})"


def _render(element: _Like, compiler: SQLCompiler, word: str, options: dict[str, Any], collation: str = "") -> str:
    column, pattern, _glob = element.clauses
    text = compiler.process(column, **options) + collation
    return f"({text} {word} {compiler.process(pattern, **options)} ESCAPE '')"
