"""Applying the batches of writers: each once, in order, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection

from terrazul.core.clock import Clock, check_time, to_text
from terrazul.core.errors import AlreadyExists, Conflict, Forbidden, InvalidInput, NotFound, TerrazulError
from terrazul.core.ids import check_experiment_name, check_run_id
from terrazul.core.paths import check_relative_path
from terrazul.server.blobs import store as contents
from terrazul.server.experiment import store as experiments
from terrazul.server.identity.rules import Principal
from terrazul.server.queue.service import Dispatcher
from terrazul.server.run.rules import check_point
from terrazul.server.run.service.lifecycle import Notify, RunLifecycle
from terrazul.server.run.service.reach import check_contents, check_name, check_snapshot, find_within_reach
from terrazul.server.run.service.recording import add_parameters, add_properties, begin_run
from terrazul.server.run.store import artifact as artifacts
from terrazul.server.run.store import metric as metrics
from terrazul.server.run.store import run as runs
from terrazul.server.run.store import writer as writers
from terrazul.server.run.store.run import RunRow
from terrazul.server.sql.database import Database
from terrazul.server.sql.savepoint import savepoint
from terrazul.server.sql.witness import refused
from terrazul.wire.metric import MetricPoint
from terrazul.wire.run import RunEvent
from terrazul.wire.write import (
    NewArtifact,
    NewRun,
    PhaseReport,
    Refusal,
    RunChange,
    StateChange,
    WriteAnswer,
    WriteBatch,
)

T = TypeVar("T")
_WRITER_LIMIT = 100


class Writing:
    """Takes what scripts, runners and interactive clients record."""

    def __init__(
        self, database: Database, lifecycle: RunLifecycle, dispatcher: Dispatcher, clock: Clock, notify: Notify
    ) -> None:
        self._database = database
        self._lifecycle = lifecycle
        self._dispatcher = dispatcher
        self._clock = clock
        self._notify = notify

    async def apply(self, workspace: int, batch: WriteBatch, principal: Principal) -> WriteAnswer:
        """Apply a batch; when this returns, it is on disk.

        An entry that cannot be applied is refused by itself. Raises ``Conflict`` where batches before this one are
        missing, ``InvalidInput`` where its writer or its number cannot be one.
        """
        if not 1 <= len(batch.writer) <= _WRITER_LIMIT or batch.sequence < 1:
            raise InvalidInput(
                f"The batch {batch.sequence} of writer {batch.writer[:80]!r} cannot be one.",
                target="writer",
                hint=f"Writers have a name of 1 to {_WRITER_LIMIT} characters and count their batches from 1.",
            )

        def work(connection: Connection) -> WriteAnswer:
            last = writers.find(connection, workspace, batch.writer)
            if batch.sequence <= last.sequence:
                again = last.refusals if batch.sequence == last.sequence else []
                return WriteAnswer(applied=False, refusals=[Refusal(**each) for each in again])
            if batch.sequence != last.sequence + 1:
                raise Conflict(
                    f"The batches {last.sequence + 1} to {batch.sequence - 1} of writer {batch.writer} are missing.",
                    target=batch.writer,
                    hint="Send them first.",
                )
            application = _Application(connection, workspace, principal, self._lifecycle, self._clock(), self._notify)
            refusals = application.apply(batch)
            plain = [msgspec.to_builtins(each) for each in refusals]
            writers.advance(connection, workspace, batch.writer, batch.sequence, plain, self._clock())
            return WriteAnswer(applied=True, refusals=refusals)

        answer = await self._database.write(work)
        if any(change.state.terminal for change in batch.states):
            self._dispatcher.wake()
        return answer


class _Application:
    """One batch being applied."""

    def __init__(
        self,
        connection: Connection,
        workspace: int,
        principal: Principal,
        lifecycle: RunLifecycle,
        now: int,
        notify: Notify,
    ) -> None:
        self._connection = connection
        self._workspace = workspace
        self._principal = principal
        self._lifecycle = lifecycle
        self._now = now
        self._notify = notify
        self._open_runs: dict[str, int] = {}
        self._refusals: list[Refusal] = []

    def apply(self, batch: WriteBatch) -> list[Refusal]:
        """Apply all lists; returns what was refused."""
        self._each("runs", batch.runs, self._new_run)
        self._each("changes", batch.changes, self._change)
        self._points(batch.metrics)
        self._each("artifacts", batch.artifacts, self._artifact)
        self._each("phases", batch.phases, self._phase)
        self._each("states", batch.states, self._state)
        return self._refusals

    def _each(self, kind: str, entries: Sequence[T], apply: Callable[[T], None]) -> None:
        for index, entry in enumerate(entries):
            self._guarded(kind, index, str(getattr(entry, "run_id", "")), partial(apply, entry))

    def _guarded(self, kind: str, index: int, run_id: str, apply: Callable[[], None]) -> None:
        try:
            with savepoint(self._connection):
                apply()
        except TerrazulError as error:
            self._refuse(kind, index, run_id, error)

    def _refuse(self, kind: str, index: int, run_id: str, error: TerrazulError) -> None:
        self._refusals.append(Refusal(kind, index, error.code, error.message, run_id))
        if isinstance(error, Forbidden):
            refused(self._connection, "run", run_id, error.message)

    def _run(self, run_id: str) -> RunRow:
        return find_within_reach(self._connection, self._workspace, run_id, self._principal)

    def _new_run(self, new: NewRun) -> None:
        check_run_id(new.run_id)
        check_experiment_name(new.experiment_name)
        check_time(new.time)
        if self._principal.is_run and new.parent_run_id is None:
            raise Forbidden("Inside a run, only children of it can be created.", target=new.run_id)
        parent = self._run(new.parent_run_id) if new.parent_run_id else None
        check_name(self._connection, self._workspace, new.experiment_name, self._principal)
        check_snapshot(self._connection, self._workspace, new.snapshot_id, self._principal)
        experiment = experiments.ensure(
            self._connection, self._workspace, new.experiment_name, self._principal.name, self._now
        )
        begin_run(self._connection, self._workspace, new, parent, experiment.key, self._principal.name)

    def _change(self, change: RunChange) -> None:
        row = self._run(change.run_id)
        check_snapshot(self._connection, self._workspace, change.snapshot_id, self._principal)
        runs.remove_tags(self._connection, row, change.remove_tags)
        runs.set_tags(self._connection, row, change.set_tags)
        if change.add_properties:
            add_properties(self._connection, row, change.add_properties)
        if change.add_parameters:
            add_parameters(self._connection, row, change.add_parameters)
        values: dict[str, Any] = {
            name: getattr(change, name)
            for name in ("display_name", "description", "snapshot_id")
            if getattr(change, name) is not None
        }
        if change.archived is not None:
            values["archived_at"] = self._now if change.archived else None
        if change.warnings:
            values["warnings"] = runs.warnings_of(self._connection, row.key) + change.warnings
        if values:
            runs.change(self._connection, row.key, values)
        self._notify(self._connection, row.key)

    def _points(self, points: list[MetricPoint]) -> None:
        """Points are many, so those of one run are added at once; each is refused by itself."""
        sound = [(index, each) for index, each in enumerate(points) if self._is_sound(index, each)]
        for run_id, group in groupby(sound, key=lambda pair: pair[1].run_id):
            self._add(run_id, list(group))

    def _is_sound(self, index: int, point: MetricPoint) -> bool:
        try:
            check_point(point)
        except InvalidInput as error:
            self._refuse("metrics", index, point.run_id, error)
            return False
        return True

    def _add(self, run_id: str, points: list[tuple[int, MetricPoint]]) -> None:
        try:
            row = self._run(run_id)
        except TerrazulError as error:
            for index, _ in points:
                self._refuse("metrics", index, run_id, error)
            return
        try:
            with savepoint(self._connection):
                metrics.add_points(self._connection, self._workspace, row.key, [each for _, each in points])
        except InvalidInput:  # the database cannot keep one of them
            self._add_one_by_one(row, points)
        self._notify(self._connection, row.key)

    def _add_one_by_one(self, row: RunRow, points: list[tuple[int, MetricPoint]]) -> None:
        for index, each in points:
            add = partial(metrics.add_points, self._connection, self._workspace, row.key, [each])
            self._guarded("metrics", index, row.run_id, add)

    def _artifact(self, new: NewArtifact) -> None:
        row = self._run(new.run_id)
        path = check_relative_path(new.path)
        check_time(new.time)
        check_contents(self._connection, self._workspace, [new.digest], self._principal)
        content = contents.find(self._connection, self._workspace, [new.digest]).get(new.digest)
        if content is None:
            raise NotFound(f"The bytes of {path!r} have not arrived.", target=path, hint="Send the content first.")
        there = artifacts.find(self._connection, row.key, path)
        if there and not new.overwrite:
            raise AlreadyExists(
                f"The run {row.run_id} has a file {path!r} already.", target=path, hint="Upload it under another name."
            )
        artifacts.put(self._connection, self._workspace, row.key, path, content.digest, content.size, new.time)
        self._notify(self._connection, row.key)

    def _phase(self, report: PhaseReport) -> None:
        row = self._run(report.run_id)
        event = RunEvent(to_text(check_time(report.time)), None, report.phase, report.seconds, report.message)
        runs.add_event(self._connection, row, event, report.time)

    def _state(self, change: StateChange) -> None:
        row = self._run(change.run_id)
        if change.attempt is not None and change.attempt != row.attempt:
            raise Conflict(f"Attempt {change.attempt} of run {row.run_id} is not the current one.", target=row.run_id)
        time = check_time(change.time)
        self._lifecycle.come_to(self._connection, row, change.state, time, change.error, reopens=change.reopens)
