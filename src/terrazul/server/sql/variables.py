"""A statement of SQL takes only so many variables; long lists go in groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
_GROUP = 500


def in_groups(items: Iterable[T]) -> Iterator[list[T]]:
    """The items in lists that fit into one statement each."""
    iterator = iter(items)
    while group := list(islice(iterator, _GROUP)):
        yield group
