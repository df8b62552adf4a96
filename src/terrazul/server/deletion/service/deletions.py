"""What one can do with deletions: see what would go, order one, follow it; and restore what was deleted softly."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from terrazul.server.blobs import store as contents
from terrazul.server.blobs.service import Contents
from terrazul.server.changes import Changes
from terrazul.server.compute.service.kinds import Computes
from terrazul.server.deletion.rules import check_deletion_id, check_selection, refuse
from terrazul.server.deletion.service import reach
from terrazul.server.deletion.service.manifests import Manifests
from terrazul.server.deletion.store import deletion as deletions
from terrazul.server.deletion.store import doomed as doomed_store
from terrazul.server.deletion.store import naming
from terrazul.server.deletion.store.deletion import DeletionRow
from terrazul.server.deletion.store.doomed import Doomed
from terrazul.server.deletion.store.hiding import hide
from terrazul.server.experiment import store as experiments
from terrazul.server.identity.rules import Action, Principal
from terrazul.server.run.service.restoring import restore_experiment
from terrazul.server.run.store import artifact as artifacts
from terrazul.server.run.store import logged_model
from terrazul.server.run.store import run as runs
from terrazul.server.run.store.run import RunRow
from terrazul.server.snapshot import store as snapshots
from terrazul.server.sql.database import Database, tell
from terrazul.server.sql.kind import Thing
from terrazul.server.workspace.store import WorkspaceRow
from terrazul.wire.artifact import Artifact
from terrazul.wire.deletion import (
    Deletion,
    DeletionHindrance,
    DeletionPreview,
    DeletionState,
    NewDeletion,
    Selection,
)
from terrazul.wire.experiment import Experiment
from terrazul.wire.run import Run

_TOLD = 20
_LIST_LIMIT = 1000
REMOVER = "remover"
"""What processes tell each other when a deletion was ordered."""


class _Facts(NamedTuple):
    """What the database knows of what would go."""

    doomed: Doomed
    files: naming.Files
    dropped: dict[str, str]
    """The lists of files of the snapshots that would go, by snapshot."""
    staying: dict[str, str]
    hindrances: list[DeletionHindrance]
    things: list[str]
    kept: list[str]


class Deletions:
    """The deletions of all workspaces."""

    def __init__(
        self,
        database: Database,
        content: Contents,
        computes: Computes,
        changes: Changes,
        clock: Clock,
        wake: Callable[[], None],
    ) -> None:
        self._database = database
        self._computes = computes
        self._manifests = Manifests(database, content)
        self._changes = changes
        self._clock = clock
        self._wake = wake

    async def preview(self, workspace: int, selection: Selection, principal: Principal) -> DeletionPreview:
        """What a deletion would take, and what the disk would get back.

        Raises ``NotFound``, ``InvalidInput``, and ``Forbidden`` for what lies outside of the caller's folders.
        """
        check_selection(selection)
        await self._database.read(
            partial(reach.check_selected, workspace=workspace, selection=selection, principal=principal)
        )
        if selection.path is not None:
            return await self._preview_files(workspace, selection.run_ids[0], selection.path)
        facts = await self._database.read(
            partial(self._facts, workspace=workspace, selection=selection, principal=principal)
        )
        going = facts.files.digests | await self._manifests.named_by(workspace, facts.dropped.values())
        staying = await self._manifests.named_by(workspace, facts.staying.values(), going)

        def weigh(connection: Connection) -> tuple[int, int]:
            elsewhere = naming.named_elsewhere(connection, workspace, going, facts.doomed) | staying
            sizes = {digest: held.size for digest, held in contents.find(connection, workspace, going).items()}
            shared = sum(size for digest, size in sizes.items() if digest in elsewhere)
            return sum(sizes.values()) - shared, shared

        freed, shared = await self._database.read(weigh)
        return DeletionPreview(
            experiments=len(facts.doomed.experiments),
            runs=len(facts.doomed.runs),
            models=len(facts.doomed.versions),
            files=facts.files.number,
            bytes=freed,
            shared_bytes=shared,
            things=facts.things,
            kept=facts.kept,
            hindrances=facts.hindrances,
        )

    async def order(
        self, workspace: WorkspaceRow, new: NewDeletion, principal: Principal, *, with_runs: bool = True
    ) -> Deletion:
        """Delete: when this returns, what was selected is out of sight for good, and its names are free.

        Rows and bytes go afterwards; a restart goes on with it. Raises ``Conflict`` where something hinders it (an
        experiment with runs does if it is to go ``with_runs`` not), ``NotFound`` for what is not there, and
        ``Forbidden`` for what lies outside of the caller's folders; then nothing is deleted.
        """
        check_deletion_id(new.deletion_id)
        check_selection(new.selection)
        work = partial(self._order, workspace=workspace, new=new, by=principal, with_runs=with_runs)
        deletion = await self._database.write(work)
        self._wake()
        return deletion

    async def list_all(self, workspace: int, limit: int) -> list[Deletion]:
        """The last deletions, newest first."""
        if not 1 <= limit <= _LIST_LIMIT:
            raise InvalidInput(f"A list holds 1 to {_LIST_LIMIT} deletions, not {limit}.", target="limit")
        return await self._database.read(partial(deletions.list_all, workspace=workspace, limit=limit))

    async def wait(self, workspace: int, deletion_id: str, seconds: float, principal: Principal) -> Deletion:
        """A deletion, as soon as it is done, or as it is when the time is over.

        Raises ``NotFound``, for who is bound to folders also where another one has ordered it.
        """

        def read(connection: Connection) -> Deletion:
            row = deletions.find(connection, workspace, deletion_id)
            if row is None or not _may_follow(connection, row, principal):
                raise NotFound(f"There is no deletion {deletion_id[:80]!r}.", target=deletion_id[:80])
            return deletions.load(connection, row.key)

        async def look() -> Deletion | None:
            deletion = await self._database.read(read)
            return deletion if deletion.state is DeletionState.DONE else None

        found = await self._changes.wait_until(waited_for(workspace, deletion_id), look, seconds)
        return found if found is not None else await self._database.read(read)

    async def restore_run(self, workspace: int, run_id: str) -> Run:
        """Bring a softly deleted run back. Raises ``Conflict`` where its whole experiment is deleted."""

        def work(connection: Connection) -> Run:
            row = runs.existing(connection, workspace, run_id)
            experiment = experiments.get(connection, row.experiment)
            if experiment.deleted_at is not None:
                raise Conflict(
                    f"The experiment {experiment.experiment.name!r} of the run is deleted too.",
                    target=run_id,
                    hint="Restore the experiment.",
                )
            runs.change(connection, row.key, {"deleted_at": None})
            return runs.load(connection, [row.key])[0]

        return await self._database.write(work)

    async def restore_experiment(self, workspace: int, experiment_id: str) -> Experiment:
        """Bring a softly deleted experiment back, with the runs that were deleted together with it."""

        def work(connection: Connection) -> Experiment:
            row = experiments.existing(connection, workspace, experiment_id)
            if row.deleted_at is not None:
                restore_experiment(connection, row, row.deleted_at, self._clock())
            return experiments.get(connection, row.key).experiment

        return await self._database.write(work)

    def _facts(self, connection: Connection, workspace: int, selection: Selection, principal: Principal) -> _Facts:
        doomed = doomed_store.find(connection, workspace, selection, self._clock())
        reach.check_doomed(connection, workspace, doomed, principal)
        named = naming.snapshots_of(connection, doomed)
        used = naming.snapshots_in_use(connection, workspace, named, doomed)
        manifests = snapshots.all_of(connection, workspace)
        dropped = {each: manifests.pop(each) for each in named - used if each in manifests}
        tells_of_models = principal.reach is None or Action.MODEL_READ in principal.reach.everywhere
        made = doomed_store.models_made_of(connection, workspace, doomed, _TOLD) if tells_of_models else []
        kept = [f"The model {model_id} keeps its files, which belong to it." for model_id in made]
        if doomed.kept:
            kept.append(f"{doomed.kept} deleted runs stay, since not all runs below them are deleted.")
        return _Facts(
            doomed,
            naming.files_of(connection, doomed),
            dropped,
            manifests,
            doomed_store.hindrances(connection, workspace, doomed),
            doomed_store.names_of(connection, doomed, _TOLD),
            kept,
        )

    async def _preview_files(self, workspace: int, run_id: str, path: str) -> DeletionPreview:
        def look(connection: Connection) -> tuple[list[Artifact], dict[str, str]]:
            row = runs.existing(connection, workspace, run_id)
            found = naming.files_at(connection, row, path)
            if not found:
                raise _no_file(row, path)
            return found, snapshots.all_of(connection, workspace)

        found, manifests = await self._database.read(look)
        sizes = {each.digest: each.size for each in found}
        in_snapshots = await self._manifests.named_by(workspace, manifests.values(), sizes)
        elsewhere = await self._database.read(
            lambda connection: naming.named_by_other_files(connection, workspace, found, in_snapshots)
        )
        shared = sum(size for digest, size in sizes.items() if digest in elsewhere)
        told = [f"file {each.path}" for each in found[:_TOLD]]
        return DeletionPreview(0, 0, 0, len(found), sum(sizes.values()) - shared, shared, told)

    def _order(
        self, connection: Connection, workspace: WorkspaceRow, new: NewDeletion, by: Principal, *, with_runs: bool
    ) -> Deletion:
        there = deletions.find(connection, workspace.key, new.deletion_id)
        if there is not None:
            if there.selection != new.selection or not _may_follow(connection, there, by):
                raise AlreadyExists(
                    f"The deletion {new.deletion_id!r} was ordered for something else.",
                    target=new.deletion_id,
                    hint="Make a new id for each deletion.",
                )
            return deletions.load(connection, there.key)
        reach.check_selected(connection, workspace.key, new.selection, by)
        tell(connection, REMOVER)
        now = self._clock()
        values = {
            "workspace": workspace.key,
            "deletion_id": new.deletion_id,
            "selection": msgspec.to_builtins(new.selection),
            "experiments": 0,
            "runs": 0,
            "models": 0,
            "files": 0,
            "freed_bytes": 0,
            "created_at": now,
            "created_by": by.name,
        }
        if new.selection.path is not None:
            run_id, path = new.selection.run_ids[0], new.selection.path
            files = self._remove_files(connection, workspace.key, run_id, path, now)
            state = DeletionState.COLLECTING
            return deletions.load(
                connection, deletions.add(connection, {**values, "files": files, "state": state.value})
            )
        doomed = doomed_store.find(connection, workspace.key, new.selection, now)
        reach.check_doomed(connection, workspace.key, doomed, by)
        if doomed.runs and not with_runs:
            name = doomed.experiments[0].experiment.name
            raise Conflict(
                f"The experiment {name!r} has {len(doomed.runs)} runs.",
                target=name,
                hint="Delete it with its runs (`terrazul experiment delete`, or with_runs=true), or archive it.",
            )
        purging = new.selection.deleted_for_seconds is not None
        refuse(doomed_store.hindrances(connection, workspace.key, doomed, purging=purging))
        values |= {
            "experiments": len(doomed.experiments),
            "runs": len(doomed.runs),
            "models": len(doomed.versions),
            "state": DeletionState.REMOVING.value,
        }
        key = deletions.add(connection, values)
        self._computes.forget(workspace.workspace.workspace_id, doomed_store.submitted(connection, doomed.runs))
        hide(connection, workspace.key, doomed, key, now)
        return deletions.load(connection, key)

    def _remove_files(self, connection: Connection, workspace: int, run_id: str, path: str, now: int) -> int:
        row = runs.existing(connection, workspace, run_id)
        removed = artifacts.remove(connection, workspace, row.key, path, now)
        for model in logged_model.of_run(connection, row.key):
            within = logged_model.path_within(model, path)
            if within is not None:
                removed += logged_model.remove_files(connection, model, within, now)
        if not removed:
            raise _no_file(row, path)
        return removed


def _may_follow(connection: Connection, row: DeletionRow, principal: Principal) -> bool:
    """Whether a caller may be told of a deletion: who is bound to folders of what they ordered."""
    return principal.reach is None or deletions.load(connection, row.key).created_by == principal.name


def waited_for(workspace: int, deletion_id: str) -> Thing:
    """What one waits for with ``Changes``, to see the end of a deletion."""
    return "deletion", workspace, deletion_id


def _no_file(row: RunRow, path: str) -> NotFound:
    return NotFound(
        f"The run {row.run_id} has no file {path[:200]!r}, and no folder.",
        target=path[:200],
        hint="`terrazul run files` lists what it has; a log that still grows cannot be deleted.",
    )
