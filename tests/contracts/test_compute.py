"""Every kind of compute, and every provider of nodes, passes the same tests."""

from dataclasses import replace
from pathlib import Path

import pytest

from terrazul.server.compute.kind import ComputeKind, RunnerStatus
from terrazul.server.compute.kinds.cluster import ClusterCompute
from terrazul.server.compute.kinds.local import LocalCompute
from terrazul.server.compute.provider import NodeProvider
from terrazul.server.compute.providers.embedded import EmbeddedNodes
from terrazul.testing.compute import ComputeContract, ProviderContract, job_of
from terrazul.testing.submission import wait_for


class TestLocal(ComputeContract):
    @pytest.fixture
    def kind(self, tmp_path: Path) -> ComputeKind:
        return LocalCompute(tmp_path / "runs")


class TestCluster(ComputeContract):
    @pytest.fixture
    def kind(self, tmp_path: Path) -> ComputeKind:
        return ClusterCompute(EmbeddedNodes(LocalCompute(tmp_path / "runs"), tmp_path))

    def test_runners_of_one_run_on_two_nodes_are_two(self, kind: ComputeKind):
        jobs = [replace(job_of(), member=member) for member in range(2)]
        jobs[1] = replace(jobs[1], workspace_id=jobs[0].workspace_id)
        placements = [kind.place(job, f"node-{job.member}") for job in jobs]
        try:
            for job, placement in zip(jobs, placements, strict=True):
                kind.launch(job, placement)
            kind.kill(placements[0])
            wait_for(lambda: kind.status(placements[0]) is RunnerStatus.GONE)
            assert kind.status(placements[1]) is RunnerStatus.ALIVE
        finally:
            kind.kill(placements[1])
        wait_for(lambda: kind.status(placements[1]) is RunnerStatus.GONE)


class TestEmbedded(ProviderContract):
    @pytest.fixture
    def provider(self, tmp_path: Path) -> NodeProvider:
        return EmbeddedNodes(LocalCompute(tmp_path / "runs"), tmp_path)
