"""A kind of compute that executes nothing: it notes what it is told, for what concerns the queue alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from terrazul.server.compute.kind import Kept, Placement, RunnerStatus
from terrazul.wire.job import Job


class SimulatedCompute:
    """Safe to use from many threads; ``on_launch`` is told of each runner that begins."""

    def __init__(self, on_launch: Callable[[Job], None] = lambda _job: None) -> None:
        self._on_launch = on_launch
        self._lock = threading.Lock()
        self._status: dict[str, RunnerStatus] = {}
        self.placed: list[str] = []
        """The ids of the runs that were given a place, in order."""
        self.launched: list[str] = []

    def place(self, job: Job, node: str) -> Placement:
        """Note it."""
        with self._lock:
            self.placed.append(job.run_id)
        return {"run": job.run_id, "node": node}

    def launch(self, job: Job, placement: Placement) -> None:
        """Note it, once."""
        with self._lock:
            if self._status.get(placement["run"]) is not None:
                return
            self._status[placement["run"]] = RunnerStatus.ALIVE
            self.launched.append(job.run_id)
        self._on_launch(job)

    def status(self, placement: Placement) -> RunnerStatus:
        """As it was noted."""
        with self._lock:
            return self._status.get(placement["run"], RunnerStatus.ABSENT)

    def cancel(self, placement: Placement) -> None:
        """Nothing hears it."""

    def kill(self, placement: Placement) -> None:
        """The runner is gone."""
        with self._lock:
            self._status[placement["run"]] = RunnerStatus.GONE

    def forget(self, workspace_id: str, run_ids: Sequence[str]) -> None:
        """Nothing is left."""

    def clear(self, workspace_id: str) -> None:
        """Nothing was put aside."""

    def deliver(self, job: Job, placement: Placement) -> None:
        """Nothing was recorded."""

    def kept(self, placement: Placement) -> Kept:
        """Nowhere."""
        return Kept("", placement["run"])

    def clean(self, placement: Placement) -> None:
        """Nothing was kept."""
