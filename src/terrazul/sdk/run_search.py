"""Finding runs: v1's filters, page by page."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Union

from terrazul.sdk.client import Client, QueryValue
from terrazul.wire.run import Run, RunPage

Texts = Union[str, Mapping[str, Any], List[str], None]
"""A key that must be there, keys, or keys with the values they must have."""

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
        return [key if value is None else f"{key}={value}" for key, value in texts.items()]
    return list(texts)
