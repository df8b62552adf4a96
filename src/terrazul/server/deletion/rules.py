"""What must hold of deletions. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

from terrazul.core.errors import Conflict, InvalidInput
from terrazul.core.ids import check_run_id
from terrazul.core.paths import check_relative_path
from terrazul.wire.deletion import DeletionHindrance, Selection

_DELETION_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,63}\Z", re.ASCII)
MOST_NAMED = 100_000
_LONGEST_SECONDS = 100 * 366 * 86400
_TOLD = 3


class SoftRun(NamedTuple):
    """A run that was deleted softly."""

    key: int
    experiment: int
    parent: int | None


def check_deletion_id(text: str) -> None:
    """Raise ``InvalidInput`` for what cannot be the id of a deletion."""
    if not _DELETION_ID.match(text):
        raise InvalidInput(
            f"The id {text[:80]!r} of a deletion is not valid.",
            target="deletion_id",
            hint="Use up to 64 letters, digits, '_', '-', '.', the first a letter or digit.",
        )


def check_selection(selection: Selection) -> None:
    """Raise ``InvalidInput`` for a selection of nothing, of too much, or of what does not go together."""
    named = [*selection.experiment_ids, *selection.run_ids, *selection.model_ids]
    if selection.deleted_for_seconds is not None:
        if named or selection.path is not None:
            raise InvalidInput(
                "A purge names nothing: it takes all that was deleted softly.",
                target="deleted_for_seconds",
                hint="Purge, or name what is to be deleted.",
            )
        if not 0 <= selection.deleted_for_seconds <= _LONGEST_SECONDS:
            raise InvalidInput(
                f"Nothing has been deleted for {selection.deleted_for_seconds} seconds.", target="deleted_for_seconds"
            )
        return
    if not named:
        raise InvalidInput("Nothing is named that is to be deleted.", hint="Name experiments, runs or models.")
    if len(named) > MOST_NAMED:
        raise InvalidInput(
            f"A deletion names at most {MOST_NAMED} things, not {len(named)}.", hint="Make several of it."
        )
    for run_id in selection.run_ids:
        check_run_id(run_id)
    if selection.path is not None:
        if len(named) != 1 or not selection.run_ids:
            raise InvalidInput("A path is that of one run.", target="path", hint="Name the run, and nothing else.")
        check_relative_path(selection.path)


def refuse(hindrances: Collection[DeletionHindrance]) -> None:
    """Raise ``Conflict`` where there are hindrances, with the first of them."""
    if not hindrances:
        return
    first, *_ = hindrances
    told = "; ".join(f"the {each.type} {each.id} {each.reason}" for each in list(hindrances)[:_TOLD])
    more = f"; and {len(hindrances) - _TOLD} more" if len(hindrances) > _TOLD else ""
    raise Conflict(f"Nothing was deleted: {told}{more}.", target=first.id, hint=first.hint)


def purgeable(softly: Mapping[int, SoftRun], children: Collection[tuple[int, int]]) -> set[int]:
    """Those of the softly deleted runs that can go: all runs below them go too.

    ``children`` are pairs of a run and its parent, for all parents among the runs.
    """
    going = set(softly)
    pending = [parent for child, parent in children if child not in going]
    while pending:
        key = pending.pop()
        if key in going:
            going.discard(key)
            parent = softly[key].parent
            if parent is not None:
                pending.append(parent)
    return going
