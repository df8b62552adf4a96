"""Deleting for good, with a look at it before; and changing many runs at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Callable, Iterable, Iterator, List, Optional, Sequence, TypeVar, Union

from terrazul.core.errors import InvalidInput, from_code
from terrazul.core.ids import new_guid
from terrazul.sdk.client import Client
from terrazul.wire.deletion import Deletion, DeletionPreview, DeletionState, NewDeletion, Selection
from terrazul.wire.write import RunChange, WriteAnswer, WriteBatch

T = TypeVar("T")
_WAIT_SECONDS = 5
_SECOND = timedelta(seconds=1)
_LONGEST_SECONDS = 3_000_000_000
MOST_AT_ONCE = 1000


def preview(client: Client, selection: Selection) -> DeletionPreview:
    """What a deletion would take, what hinders it, and how many bytes it frees."""
    return client.post(DeletionPreview, "/deletions/preview", selection)


def delete(
    client: Client, selection: Selection, wait: bool = True, tell: Optional[Callable[[Deletion], None]] = None
) -> Deletion:
    """Delete for good; without ``wait`` the bytes go after this has returned. ``tell`` hears how far it is.

    Raises ``Conflict`` where something hinders it, ``NotFound`` for what is not there; then nothing is deleted.
    """
    deletion = client.post(Deletion, "/deletions", NewDeletion(new_guid(), selection))
    while wait and deletion.state is not DeletionState.DONE:
        if tell:
            tell(deletion)
        deletion = client.get(Deletion, f"/deletions/{deletion.deletion_id}", {"wait": 1 if tell else _WAIT_SECONDS})
    return deletion


def purge_selection(older_than: Union[timedelta, float]) -> Selection:
    """All that was deleted softly at least so long ago (seconds, or a ``timedelta``). Raises ``InvalidInput``."""
    seconds = older_than / _SECOND if isinstance(older_than, timedelta) else older_than
    if not 0 <= seconds < _LONGEST_SECONDS:
        message = f"{older_than!r} is no span of time after which something can be purged."
        raise InvalidInput(message, target="older_than", hint="Pass seconds, or a timedelta.")
    return Selection(deleted_for_seconds=int(seconds))


def change_runs(client: Client, run_ids: Iterable[str], change: RunChange) -> Iterator[int]:
    """Make the same change to many runs; after each group, how many are changed. A run that has gone is left out."""
    changed = 0
    for group in in_groups(list(run_ids), MOST_AT_ONCE):
        batch = WriteBatch(new_guid(), 1, changes=[replace(change, run_id=run_id) for run_id in group])
        answer = client.post(WriteAnswer, "/writes", batch)
        for refusal in answer.refusals:
            if refusal.code != "not_found":
                raise from_code(refusal.code)(refusal.message, target=refusal.run_id)
        changed += len(group) - len(answer.refusals)
        yield changed


def in_groups(items: Sequence[T], size: int) -> Iterator[List[T]]:
    """The items in lists of at most this size."""
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
