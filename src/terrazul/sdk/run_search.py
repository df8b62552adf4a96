"""Finding runs: v1's filters, page by page."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Union

from terrazul.core.errors import InvalidInput
from terrazul.sdk.client import Client, QueryValue
from terrazul.wire.run import Run, RunPage

Texts = Union[str, Mapping[str, Any], Sequence[Union[str, Sequence[Any]]], None]
"""A key that must be there, keys, or keys with the values they must have: a mapping, or pairs among the keys."""

_PAGE = 100


def search(client: Client, **wanted: QueryValue) -> Iterator[Run]:
    """The runs that fit, newest first, fetched as they are asked for."""
    page: Optional[str] = None
    while True:
        query: Dict[str, QueryValue] = {**wanted, "limit": _PAGE, "page": page}
        found = client.get(RunPage, "/runs", query)
        yield from found.runs
        page = found.next_page
        if page is None:
            return


def pairs(texts: Texts) -> Optional[List[str]]:
    """A filter on tags or properties as the server reads it: ``key`` or ``key=value``."""
    if not texts:
        return None
    if isinstance(texts, str):
        return [texts]
    if isinstance(texts, Mapping):
        return [_written(pair) for pair in texts.items()]
    return [each if isinstance(each, str) else _written(each) for each in texts]


def _written(pair: Sequence[Any]) -> str:
    if not 1 <= len(pair) <= 2:  # noqa: PLR2004  # a pair
        message = f"{pair!r} is not a key, or a key and its value."
        raise InvalidInput(message, target="filter", hint="Filter by ['key'] or [['key', 'value']].")
    return str(pair[0]) if len(pair) == 1 or pair[1] is None else f"{pair[0]}={pair[1]}"
