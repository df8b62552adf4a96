"""Submitting runs, following them, canceling them."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Connection

from terrazul.core.clock import Clock, to_text
from terrazul.core.errors import (
    AlreadyExists,
    ExperimentExecutionException,
    InvalidInput,
    NotFound,
    SnapshotException,
)
from terrazul.core.ids import check_experiment_name, check_run_id
from terrazul.core.paths import check_relative_path
from terrazul.server.changes import Changes
from terrazul.server.compute.service.targets import ComputeTargets
from terrazul.server.experiment import store as experiments
from terrazul.server.identity.rules import Principal
from terrazul.server.lineage import store as lineage
from terrazul.server.lineage.rules import edges_of_inputs
from terrazul.server.queue import store as queue
from terrazul.server.queue.admission import Admission
from terrazul.server.queue.service import Dispatcher
from terrazul.server.queue.store import Waiting
from terrazul.server.run.rules import check_definition
from terrazul.server.run.service.datasets import check_there
from terrazul.server.run.service.lifecycle import RunLifecycle
from terrazul.server.run.service.priority import check_priority
from terrazul.server.run.service.reach import check_name, check_snapshot, find_within_reach, own_keys, seen_among
from terrazul.server.run.service.search import with_waits
from terrazul.server.run.service.secrets import gives_secrets
from terrazul.server.run.store import member as members
from terrazul.server.run.store import metric as metrics
from terrazul.server.run.store import run as runs
from terrazul.server.run.store.run import RunRow
from terrazul.server.snapshot import store as snapshots
from terrazul.server.sql.database import Database
from terrazul.wire.compute import LOCAL
from terrazul.wire.heartbeat import Heartbeat, HeartbeatAnswer, RunMember
from terrazul.wire.metric import RunMetrics
from terrazul.wire.run import Run, RunEvent, RunState
from terrazul.wire.run_configuration import RunDefinition
from terrazul.wire.submission import RunSubmission

SCRIPT_RUN = "azureml.scriptrun"
_LONGEST_PHASE = 300
_FEWEST_POINTS, _MOST_POINTS = 4, 100_000


class Runs:
    """The runs of all workspaces."""

    def __init__(
        self,
        database: Database,
        lifecycle: RunLifecycle,
        computes: ComputeTargets,
        admission: Admission,
        dispatcher: Dispatcher,
        changes: Changes,
        clock: Clock,
    ) -> None:
        self._database = database
        self._lifecycle = lifecycle
        self._computes = computes
        self._admission = admission
        self._dispatcher = dispatcher
        self._changes = changes
        self._clock = clock

    async def submit(self, workspace: int, submission: RunSubmission, principal: Principal) -> Run:
        """Take a run into the queue; sent twice, it counts once.

        Raises ``RunConfigurationException``, ``SnapshotException``, ``ComputeTargetException`` for what cannot be
        executed as it is described, ``AlreadyExists`` where another run has the id, ``QuotaExceeded`` where too many
        runs of the caller wait.
        """
        _check(submission)
        run = await self._database.write(partial(self._submit, workspace=workspace, new=submission, by=principal))
        told = await self._database.read(partial(self._with_waits, workspace=workspace, run=run))
        self._dispatcher.wake()
        return told

    async def get(self, workspace: int, run_id: str) -> Run:
        """The run of an id. Raises ``NotFound``."""
        return await self._database.read(lambda connection: self._load(connection, workspace, run_id))

    async def wait(self, workspace: int, run_id: str, state: str, seconds: float) -> Run:
        """The run, as soon as it is in another state than this one, or when the time is over."""
        row = await self._find(workspace, run_id)

        async def look() -> Run | None:
            run = await self.get(workspace, run_id)
            return run if run.state.value != state else None

        return await self._changes.wait_until(row.key, look, seconds) or await self.get(workspace, run_id)

    async def definition(self, workspace: int, run_id: str) -> RunDefinition:
        """What a submitted run was told to execute. Raises ``NotFound`` for an interactive one."""
        row = await self._find(workspace, run_id)
        definition = await self._database.read(partial(runs.definition_of, key=row.key))
        if definition is None:
            raise NotFound(f"The run {run_id} was not submitted, so it has no run definition.", target=run_id)
        return msgspec.convert(definition, RunDefinition)

    async def events(self, workspace: int, run_id: str) -> list[RunEvent]:
        """The steps of a run's life, in order."""
        row = await self._find(workspace, run_id)
        return await self._database.read(partial(runs.events_of, key=row.key))

    async def metrics(
        self,
        workspace: int,
        run_id: str,
        name: str | None,
        recursive: bool,
        points: int | None,
        principal: Principal,
    ) -> list[RunMetrics]:
        """The metrics of a run, and of all runs below it where ``recursive``; thinned to so many points if given.

        Raises ``InvalidInput`` for a number of points that no series can be thinned to.
        """
        if points is not None and not _FEWEST_POINTS <= points <= _MOST_POINTS:
            raise InvalidInput(
                f"A series is thinned to {_FEWEST_POINTS} to {_MOST_POINTS} points, not {points}.", target="points",
                hint="Leave it out for all points.",
            )  # fmt: skip
        row = await self._find(workspace, run_id)

        def work(connection: Connection) -> list[RunMetrics]:
            below = runs.descendants(connection, row.key) if recursive else []
            rows = [row, *seen_among(connection, workspace, below, principal)]
            found = metrics.histories(connection, [each.key for each in rows], name, points)
            return [RunMetrics(each.run_id, found[each.key]) for each in rows]

        return await self._database.read(work)

    async def cancel(self, workspace: int, run_id: str) -> Run:
        """Ask a run and all below it to end. A run that has ended stays as it is."""

        def work(connection: Connection) -> Run:
            self._lifecycle.request_cancel(connection, runs.existing(connection, workspace, run_id))
            return self._load(connection, workspace, run_id)

        run = await self._database.write(work)
        self._dispatcher.wake()
        return run

    async def heartbeat(self, workspace: int, run_id: str, beat: Heartbeat) -> HeartbeatAnswer:
        """Note that a runner is alive, and tell it what it must know at once."""

        def work(connection: Connection) -> HeartbeatAnswer:
            row = runs.existing(connection, workspace, run_id)
            if row.attempt != beat.attempt or row.state.terminal:
                return HeartbeatAnswer(cancel=True, fenced=True)
            now = self._clock()
            signs: dict[str, Any] = {"heartbeat_at": now}
            if beat.member is None or beat.member.number == 0:
                phase = beat.phase[:_LONGEST_PHASE]
                signs["phase"] = "".join(each for each in phase if each.isprintable())
            runs.change(connection, row.key, signs)
            told: list[RunMember] = []
            if beat.member is not None:
                _check_member(connection, row, beat.member)
                members.tell(connection, row, beat.member, now)
                told = members.of(connection, row.key, row.attempt)
            return HeartbeatAnswer(cancel=row.state is RunState.CANCEL_REQUESTED, members=told)

        return await self._database.write(work)

    async def is_within(self, workspace: int, run_id: str, ancestor: str) -> bool:
        """True where the run is the ancestor or descends from it."""
        if run_id == ancestor:
            return True

        def work(connection: Connection) -> bool:
            row, above = runs.find(connection, workspace, run_id), runs.find(connection, workspace, ancestor)
            return bool(row and above and runs.is_within(connection, row.key, above.key))

        return await self._database.read(work)

    async def is_in_experiment(self, workspace: int, run_id: str, experiment_id: str) -> bool:
        """True where the run belongs to the experiment."""
        return (await self.get(workspace, run_id)).experiment_id == experiment_id

    async def uses_snapshot(self, workspace: int, run_id: str, snapshot_id: str) -> bool:
        """True where the run, or one below it, was made from the snapshot."""
        return snapshot_id in await self.snapshots_of(workspace, run_id)

    async def snapshots_of(self, workspace: int, run_id: str) -> set[str]:
        """The snapshots of which the run, and those below it, were made."""

        def work(connection: Connection) -> set[str]:
            keys = own_keys(connection, workspace, run_id)
            return {found for key in keys if (found := runs.snapshot_of(connection, key)) is not None}

        return await self._database.read(work)

    async def _find(self, workspace: int, run_id: str) -> RunRow:
        return await self._database.read(lambda connection: runs.existing(connection, workspace, run_id))

    def _submit(self, connection: Connection, workspace: int, new: RunSubmission, by: Principal) -> Run:
        definition = msgspec.to_builtins(new.definition)
        there = runs.find(connection, workspace, new.run_id)
        if there:
            find_within_reach(connection, workspace, new.run_id, by)
            if msgspec.convert(runs.definition_of(connection, there.key), RunDefinition) != new.definition:
                raise AlreadyExists(f"There is a run {new.run_id!r} already.", target=new.run_id)
            return self._load(connection, workspace, new.run_id)
        parent_run_id = new.parent_run_id or by.run_id
        parent = find_within_reach(connection, workspace, parent_run_id, by) if parent_run_id else None
        check_name(connection, workspace, new.experiment_name, by)
        check_snapshot(connection, workspace, new.snapshot_id, by)
        if new.snapshot_id and not snapshots.find(connection, workspace, new.snapshot_id):
            raise SnapshotException(
                f"There is no snapshot {new.snapshot_id!r} in this workspace.", target=new.snapshot_id
            )
        user = _submitter(connection, workspace, by)
        check_priority(connection, workspace, new.definition.priority, user, by)
        self._admission.check_submission(connection, workspace, user)
        now = self._clock()
        target = self._computes.for_run(connection, workspace, new.definition, by)
        target_name = target.name if target else LOCAL
        experiment = experiments.ensure(connection, workspace, new.experiment_name, by.name, now)
        values: dict[str, Any] = {
            "workspace": workspace,
            "run_id": new.run_id,
            "experiment": experiment.key,
            "number": experiments.next_run_number(connection, experiment.key),
            "type": SCRIPT_RUN,
            "state": RunState.NOT_STARTED.value,
            "display_name": new.display_name,
            "description": "",
            "created_at": now,
            "created_by": by.name,
            "target": target_name,
            "snapshot_id": new.snapshot_id,
            "warnings": [],
            "attempt": 1,
            "interactive": False,
            "definition": definition,
        }
        key = runs.add(connection, values, parent)
        row = runs.existing(connection, workspace, new.run_id)
        runs.set_tags(connection, row, new.tags)
        runs.add_properties(connection, row, new.properties)
        runs.add_event(connection, row, RunEvent(to_text(now), RunState.NOT_STARTED), now)
        check_there(connection, workspace, (each.dataset_id for each in new.definition.inputs))
        lineage.add(connection, workspace, edges_of_inputs(new.run_id, new.definition.inputs))
        secrets = gives_secrets(connection, workspace, by)
        needs = new.definition
        waiting = Waiting(key, workspace, user, target_name, target.id if target else None, needs.node_count)
        queue.add(connection, waiting, now, priority=needs.priority, reads_secrets=secrets)
        self._lifecycle.come_to(connection, row, RunState.QUEUED, now, None)
        return runs.load(connection, [key])[0]

    def _with_waits(self, connection: Connection, workspace: int, run: Run) -> Run:
        """The run with what it waits for; apart from its submission, which holds up all others that write."""
        key = runs.existing(connection, workspace, run.run_id).key
        return with_waits(connection, self._admission, [key], [run])[0]

    def _load(self, connection: Connection, workspace: int, run_id: str) -> Run:
        keys = [runs.existing(connection, workspace, run_id).key]
        return with_waits(connection, self._admission, keys, runs.load(connection, keys))[0]


def _check(new: RunSubmission) -> None:
    check_run_id(new.run_id)
    check_experiment_name(new.experiment_name)
    definition = new.definition
    check_definition(definition)
    if definition.script:
        check_relative_path(definition.script.replace("\\", "/").removeprefix("./"))
    if definition.script and not new.snapshot_id:
        raise ExperimentExecutionException(
            f"The script {definition.script!r} comes without a snapshot.", target=definition.script
        )


def _check_member(connection: Connection, row: RunRow, member: RunMember) -> None:
    definition = runs.definition_of(connection, row.key)
    count = 0 if definition is None else msgspec.convert(definition, RunDefinition).node_count
    if not 0 <= member.number < count:
        message = f"The run {row.run_id} has {count} nodes, and no member {member.number}."
        raise InvalidInput(message, target="member")
    members.check(member)


def _submitter(connection: Connection, workspace: int, by: Principal) -> str:
    """The user who submits, or who submitted the run that does."""
    row = runs.find(connection, workspace, by.run_id) if by.run_id else None
    return (queue.submitter_of(connection, row.key) if row else None) or by.name
