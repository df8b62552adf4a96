"""Changes of state, and what follows from them: the one place that sets a run's state in the database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection

from terrazul.core.clock import Clock, to_text
from terrazul.core.errors import NotFound
from terrazul.server.compute import store as nodes
from terrazul.server.experiment import store as experiments
from terrazul.server.hold import store as holds
from terrazul.server.hold.store import HoldRow
from terrazul.server.identity.service.authentication import Identities, bound_of
from terrazul.server.queue import store as queue
from terrazul.server.queue.service import Condition
from terrazul.server.run.rules import next_state
from terrazul.server.run.store import member as members
from terrazul.server.run.store import run as runs
from terrazul.server.run.store.run import RunRow
from terrazul.server.sql.witness import changed
from terrazul.server.workspace import store as workspaces
from terrazul.wire.job import Job
from terrazul.wire.node import EnvironmentLimits
from terrazul.wire.run import RunError, RunEvent, RunState
from terrazul.wire.run_configuration import RunDefinition
from terrazul.wire.workspace import WorkspaceScope

_SECOND = 1_000_000
Notify = Callable[[Connection, int], None]
"""Tells who waits for a run, once the transaction is on disk."""


class JobFacts(Protocol):
    """What a job says of the server. The address is known once the server listens."""

    server_url: str
    environments_folder: str
    data_cache_bytes: int
    data_mount_bytes: int
    environment_limits: EnvironmentLimits


class RunLifecycle:
    """Sets states. Its calls are parts of a transaction, in the writer's thread."""

    def __init__(
        self,
        identities: Identities,
        clock: Clock,
        notify: Notify,
        notify_holds: Callable[[Connection], None],
        job_facts: JobFacts,
    ) -> None:
        self._identities = identities
        self._clock = clock
        self._notify = notify
        self._notify_holds = notify_holds
        self._facts = job_facts

    def come_to(
        self,
        connection: Connection,
        row: RunRow,
        wanted: RunState,
        time: int,
        error: RunError | None,
        *,
        reopens: bool = False,
    ) -> None:
        """Bring a run to a state, with all that follows. Raises ``Conflict`` where its state forbids it.

        ``reopens`` is as in ``next_state``.
        """
        state = next_state(row.state, wanted, reopens=reopens and row.interactive)
        if state is row.state:
            return
        values: dict[str, Any] = {"state": state.value}
        if row.state.terminal:
            values |= {"ended_at": None, "duration": None}
        elif state is RunState.RUNNING:
            values["started_at"] = time
        if error is not None:
            values["error"] = msgspec.to_builtins(error)
        if state.terminal:
            values |= {"ended_at": time, "duration": None if row.started_at is None else time - row.started_at}
        runs.change(connection, row.key, values)
        runs.add_event(connection, row, RunEvent(to_text(time), state, message=error.message if error else ""), time)
        if state.terminal:
            self._end(connection, row, state, time)
        self._notify(connection, row.key)

    def request_cancel(self, connection: Connection, row: RunRow) -> None:
        """Cancel a run and every run below it: at once where nothing executes it, else through its runner."""
        now = self._clock()
        for each in [row, *runs.descendants(connection, row.key)]:
            if each.state.terminal:
                continue
            entry = queue.find(connection, each.key)
            executing = entry is not None and entry.placement is not None
            self.come_to(connection, each, RunState.CANCEL_REQUESTED if executing else RunState.CANCELED, now, None)

    def make_job(self, connection: Connection, run: int) -> Job:
        """The job of a run, with a fresh token."""
        row = _existing(connection, run)
        workspace = workspaces.get(connection, row.workspace).workspace
        of_run = experiments.get(connection, row.experiment)
        experiment = of_run.experiment
        parent = runs.find_by_key(connection, row.parent) if row.parent else None
        root = _existing(connection, row.root)
        submitter = queue.submitter_of(connection, run) or ""
        bound = bound_of(connection, submitter, workspace.workspace_id)
        token = self._identities.make_run_token(
            connection, row.run_id, row.workspace, workspace.workspace_id, row.run_id, bound
        )
        return Job(
            server_url=self._facts.server_url,
            token=token,
            workspace_id=workspace.workspace_id,
            workspace=WorkspaceScope(workspace.subscription_id, workspace.resource_group, workspace.name),
            run_id=row.run_id,
            attempt=row.attempt,
            experiment_id=experiment.experiment_id,
            experiment_name=experiment.name,
            definition=msgspec.convert(runs.definition_of(connection, run), RunDefinition),
            environments_folder=self._facts.environments_folder,
            snapshot_id=runs.snapshot_of(connection, run),
            parent_run_id=parent.run_id if parent else None,
            root_run_id=root.run_id,
            experiment_number=of_run.number,
            data_cache_bytes=self._facts.data_cache_bytes,
            data_mount_bytes=self._facts.data_mount_bytes,
            environment_limits=self._facts.environment_limits,
        )

    def conditions(self, connection: Connection, keys: Sequence[int]) -> dict[int, Condition]:
        """Where runs are, and when the runner of each, or its members, last gave a sign of life."""
        of_members = members.signs_of(connection, keys)
        return {
            key: Condition(*signs, of_members.get(key, {})) for key, signs in runs.signs_of(connection, keys).items()
        }

    def end(self, connection: Connection, run: int, error: RunError) -> None:
        """Let a run fail whose runner will never report; a run that was to be canceled is canceled."""
        row = _existing(connection, run)
        wanted = RunState.CANCELED if row.state is RunState.CANCEL_REQUESTED else RunState.FAILED
        if not row.state.terminal:
            self.come_to(connection, row, wanted, self._clock(), error)

    def _end(self, connection: Connection, row: RunRow, state: RunState, time: int) -> None:
        if row.interactive:  # it was never queued, and has no token
            return
        if state is not RunState.FAILED or not self._hold(connection, row):
            nodes.release(connection, row.key, self._clock())
        queue.remove(connection, row.key)
        self._identities.revoke_run_token(connection, row.workspace, row.run_id)
        # The process that conducted these children is gone: nobody else will end them.
        for child in runs.descendants(connection, row.key):
            if child.interactive and not child.state.terminal:
                self.come_to(connection, child, state, time, None)

    def _hold(self, connection: Connection, row: RunRow) -> bool:
        """Keep what a run ran in whose script has failed, where that was asked for."""
        entry = queue.find(connection, row.key)
        if entry is None or entry.placement is None or row.started_at is None:
            return False
        seconds = msgspec.convert(runs.definition_of(connection, row.key), RunDefinition).hold_on_failure_seconds
        if not seconds:
            return False
        now = self._clock()
        until = now + seconds * _SECOND
        holds.add(connection, HoldRow(row.workspace, row.key, entry.placement, now, until, None))
        nodes.hold(connection, row.key, now)
        runs.add_event(connection, row, RunEvent(to_text(now), message=f"Held until {to_text(until)}."), now)
        changed(connection, "run", row.run_id, reason=f"It has failed, and is held until {to_text(until)}.")
        self._notify_holds(connection)
        return True


def _existing(connection: Connection, key: int) -> RunRow:
    row = runs.find_by_key(connection, key)
    if row is None:
        raise NotFound("The run is not there any more.")
    return row
