"""Which runs a caller may touch: an owner all, a run itself and what is below it, others those in their folders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from sqlalchemy import Connection

from terrazul.core.errors import Forbidden
from terrazul.server.blobs import store as contents
from terrazul.server.experiment import store as experiments
from terrazul.server.identity.rules import OWN_RUNS_ONLY, ObjectType, Principal, Reach, refusal_of
from terrazul.server.run.store import run as runs
from terrazul.server.run.store.run import RunRow
from terrazul.server.snapshot import store as snapshots
from terrazul.server.sql.database import Database


class Sight:
    """Tells of the thing that a call names whether it lies where the caller may do what is asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reaches(self, workspace: int, thing: ObjectType, object_id: str, reach: Reach) -> bool:
        """Whether a run, an experiment or a snapshot lies there. Raises ``NotFound`` for what is hidden."""

        def work(connection: Connection) -> bool:
            if thing is ObjectType.EXPERIMENT:
                name = experiments.existing(connection, workspace, object_id, reach).experiment.name
                return reach.holds(name)
            if thing is ObjectType.SNAPSHOT:
                if not _uses_snapshot(connection, workspace, object_id, reach, reach.seen):
                    raise snapshots.no_snapshot(object_id)
                return _uses_snapshot(connection, workspace, object_id, reach, reach.folders)
            row = runs.existing(connection, workspace, object_id)
            if is_hidden(connection, row, reach):
                raise runs.no_run(object_id)
            return _lies_in(connection, row, reach.folders)

        return await self._database.read(work)

    async def check_snapshot(self, workspace: int, snapshot_id: str, principal: Principal) -> None:
        """Raise ``NotFound`` for a snapshot that a call may not name."""
        if principal.reach is not None:
            await self._database.read(
                partial(check_snapshot, workspace=workspace, snapshot_id=snapshot_id, principal=principal)
            )

    async def check_contents(self, workspace: int, digests: Iterable[str], principal: Principal) -> None:
        """Raise ``NotFound`` for contents that a call may not name."""
        if principal.reach is not None:
            await self._database.read(
                partial(check_contents, workspace=workspace, digests=list(digests), principal=principal)
            )


def find_within_reach(connection: Connection, workspace: int, run_id: str, principal: Principal) -> RunRow:
    """The run of an id. Raises ``NotFound``, or ``Forbidden`` where the caller may not touch it."""
    row = runs.existing(connection, workspace, run_id)
    if principal.run_id is not None:
        _check_own(connection, row, principal.run_id)
    elif principal.reach is not None:
        _check_reach(connection, row, principal, principal.reach)
    return row


def is_hidden(connection: Connection, row: RunRow, reach: Reach | None) -> bool:
    """True for a run of which the caller may not know."""
    if reach is None or reach.seen is None:
        return False
    return not _lies_in(connection, row, (*reach.seen, *reach.folders))


def check_name(connection: Connection, workspace: int, experiment_name: str, principal: Principal) -> None:
    """Raise ``Forbidden`` where a call may not make runs in an experiment of this name, whether there is one or not.

    A run makes children in its own experiment wherever that lies.
    """
    reason = refusal_of(principal, experiment_name)
    if reason and principal.run_id is not None:
        own = runs.find(connection, workspace, principal.run_id)
        if own is not None and experiments.get(connection, own.experiment).experiment.name == experiment_name:
            return
    if reason:
        raise Forbidden(reason, target=experiment_name[:80])


def check_snapshot(connection: Connection, workspace: int, snapshot_id: str | None, principal: Principal) -> None:
    """Raise ``NotFound`` for a snapshot that a call may not name."""
    reach = principal.reach
    if not snapshot_id or reach is None or _uses_snapshot(connection, workspace, snapshot_id, reach, reach.seen):
        return
    own = runs.find(connection, workspace, principal.run_id) if principal.run_id else None
    if own is None or runs.snapshot_of(connection, own.key) != snapshot_id:
        raise snapshots.no_snapshot(snapshot_id)


def check_contents(connection: Connection, workspace: int, digests: Iterable[str], principal: Principal) -> None:
    """Raise ``NotFound`` for contents that a call may not name: who sees some runs alone names what they have sent."""
    reach = principal.reach
    if reach is not None and reach.sender is not None:
        contents.check_sent(connection, workspace, reach.sender, digests)


def own_keys(connection: Connection, workspace: int, run_id: str) -> list[int]:
    """The keys of a run and of all runs below it."""
    own = runs.existing(connection, workspace, run_id)
    return [own.key, *(each.key for each in runs.descendants(connection, own.key))]


def seen_among(connection: Connection, workspace: int, rows: Iterable[RunRow], principal: Principal) -> list[RunRow]:
    """Those of the runs of which the caller may know."""
    rows = list(rows)
    if principal.run_id is not None or principal.reach is None or principal.reach.seen is None:
        return rows
    seen = runs.those_in(connection, workspace, [row.key for row in rows], principal.reach.seen)
    return [row for row in rows if row.key in seen]


def _uses_snapshot(
    connection: Connection, workspace: int, snapshot_id: str, reach: Reach, folders: Sequence[str] | None
) -> bool:
    """True for a snapshot that a run in the folders was made from, or that the caller has named."""
    if folders is None or runs.snapshot_lies_in(connection, workspace, snapshot_id, folders):
        return True
    row = snapshots.find(connection, workspace, snapshot_id)
    return row is not None and bool(contents.sent_by(connection, workspace, reach.user, [row.manifest_digest]))


def _check_own(connection: Connection, row: RunRow, run_id: str) -> None:
    if row.run_id == run_id:
        return
    own = runs.find(connection, row.workspace, run_id)
    if own is None or not runs.is_within(connection, row.key, own.key):
        raise Forbidden(OWN_RUNS_ONLY, target=row.run_id)


def _check_reach(connection: Connection, row: RunRow, principal: Principal, reach: Reach) -> None:
    if is_hidden(connection, row, reach):
        raise runs.no_run(row.run_id)
    if not _lies_in(connection, row, reach.folders):
        name = experiments.get(connection, row.experiment).experiment.name
        reason = refusal_of(principal, name) or "It belongs to a run in another folder."
        raise Forbidden(reason, target=row.run_id)


def _lies_in(connection: Connection, row: RunRow, folders: Iterable[str]) -> bool:
    return bool(runs.those_in(connection, row.workspace, [row.key], tuple(folders)))
