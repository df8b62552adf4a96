"""Finding runs: by v1's filters, and by filters written as text; page by page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Union

from terrazul.core.errors import InvalidInput
from terrazul.sdk.client import Client, QueryValue
from terrazul.wire.run import Run, RunPage, RunSearch, RunSelection

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


def search_by_text(client: Client, wanted: RunSearch, most: Optional[int]) -> Iterator[Run]:
    """So many of the runs that a search finds (all without a number), fetched as they are asked for."""
    while most is None or most > 0:
        limit = _PAGE if most is None else min(_PAGE, most)
        found = client.post(RunPage, "/runs/search", replace(wanted, limit=limit))
        yield from found.runs
        if found.next_page is None:
            return
        most = None if most is None else most - len(found.runs)
        wanted = replace(wanted, page=found.next_page)


def view_of(word: str) -> RunSelection:
    """Which runs are wanted. Raises ``InvalidInput`` for a word that says nothing."""
    try:
        return RunSelection(word)
    except ValueError:
        message = f"{word!r} is not a view of runs."
        hint = f"Use {', '.join(each.value for each in RunSelection)}."
        raise InvalidInput(message, target=str(word), hint=hint) from None


def texts_in(given: Union[str, Sequence[str], None], what: str) -> Optional[List[str]]:
    """One text, or several, as a list. Raises ``InvalidInput`` for anything else."""
    if given is None:
        return None
    texts = [given] if isinstance(given, str) else list(given)
    if not all(isinstance(text, str) for text in texts):
        message = f"{what} holds something that is no text: {texts!r}."
        raise InvalidInput(message, target=what, hint="Pass a text, or a list of texts.")
    return texts


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
