"""The runner as a writer: what it has to say about its run, as numbered batches in the journal."""

from __future__ import annotations

import os
import threading
from typing import Any

from terrazul.core import clock
from terrazul.runner.journal import EntryKind, Journal
from terrazul.wire import codec
from terrazul.wire.job import Job
from terrazul.wire.run import RunError, RunState
from terrazul.wire.write import NewArtifact, PhaseReport, RunChange, StateChange, WriteBatch

_WARNING_LIMIT = 50


class Writer:
    """Says things about one run; each call is one batch in the journal.

    Of the runners of a run on several nodes only the head brings it to its states; what the others say names their
    node.
    """

    def __init__(self, job: Job, journal: Journal) -> None:
        self._run_id = job.run_id
        self._attempt = job.attempt
        self._is_head = job.is_head
        self._node = f"node {job.member}" if job.node_count > 1 else ""
        self._journal = journal
        self._name = os.urandom(16).hex()
        self._sequence = 0
        self._warnings = 0
        self._lock = threading.Lock()

    def state(self, state: RunState) -> None:
        """The run has come to a state."""
        if self._is_head:
            self._write(states=[self._state_change(state, None)])

    def phase(self, name: str, seconds: float, message: str) -> None:
        """A phase is over."""
        name = name if self._is_head else f"{name} ({self._node})"
        self._write(phases=[PhaseReport(self._run_id, name, round(seconds, 6), clock.now(), message)])

    def warn(self, warning: str) -> None:
        """Put a warning on the run; a flood of them is cut off."""
        self._warnings += 1
        if self._warnings <= _WARNING_LIMIT:
            warning = f"{self._node.capitalize()}: {warning}" if self._node else warning
            self._write(changes=[RunChange(self._run_id, warnings=[warning])])

    def properties(self, properties: dict[str, str]) -> None:
        """Add properties to the run."""
        if properties and self._is_head:
            self._write(changes=[RunChange(self._run_id, add_properties=properties)])

    def artifacts(self, artifacts: list[NewArtifact]) -> None:
        """Name files whose contents stand in the journal before."""
        self._write(artifacts=artifacts)

    def end(self, state: RunState, error: RunError | None = None) -> None:
        """The run has ended; of one that is not the head, only that it has nothing more to say."""
        states = [self._state_change(state, error)] if self._is_head else []
        self._write(EntryKind.END, states=states)

    def _state_change(self, state: RunState, error: RunError | None) -> StateChange:
        return StateChange(self._run_id, state, clock.now(), self._attempt, error)

    def _write(self, kind: EntryKind = EntryKind.WRITE, **lists: Any) -> None:
        with self._lock:
            self._sequence += 1
            batch = WriteBatch(self._name, self._sequence, **lists)
            self._journal.append(kind, codec.encode(batch))
