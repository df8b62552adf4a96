"""Runs on a cluster: each on a node of its own, which a provider has made."""

from __future__ import annotations

from collections.abc import Sequence

from terrazul.server.compute.kind import Kept, Placement, RunnerStatus
from terrazul.server.compute.provider import NodeProvider
from terrazul.wire.job import Job

_NODE = "node"


class ClusterCompute:
    """The clusters whose nodes come from one provider."""

    def __init__(self, provider: NodeProvider) -> None:
        self._runners = provider.runners

    def place(self, job: Job, node: str) -> Placement:
        """On this node, wherever on it."""
        return {_NODE: node, **self._runners.place(job, node)}

    def launch(self, job: Job, placement: Placement) -> None:
        """Start the runner there."""
        self._runners.launch(job, placement)

    def status(self, placement: Placement) -> RunnerStatus:
        """What has become of the runner."""
        return self._runners.status(placement)

    def cancel(self, placement: Placement) -> None:
        """Tell the runner to end its run."""
        self._runners.cancel(placement)

    def kill(self, placement: Placement) -> None:
        """End the runner and what it started."""
        self._runners.kill(placement)

    def forget(self, workspace_id: str, run_ids: Sequence[str]) -> None:
        """Put what is left of runs aside."""
        self._runners.forget(workspace_id, run_ids)

    def clear(self, workspace_id: str) -> None:
        """Remove what was put aside."""
        self._runners.clear(workspace_id)

    def deliver(self, job: Job, placement: Placement) -> None:
        """Send what a runner that is gone had recorded."""
        self._runners.deliver(job, placement)

    def kept(self, placement: Placement) -> Kept:
        """Where the node has it."""
        return self._runners.kept(placement)

    def clean(self, placement: Placement) -> None:
        """Remove what the run ran in."""
        self._runners.clean(placement)
