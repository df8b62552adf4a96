"""Every kind of compute, and every provider of nodes, passes the same tests."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from terrazul.server.compute.kind import ComputeKind
from terrazul.server.compute.kinds.cluster import ClusterCompute
from terrazul.server.compute.kinds.local import LocalCompute
from terrazul.server.compute.kinds.remote import RemoteCompute
from terrazul.server.compute.provider import NodeProvider
from terrazul.server.compute.providers.embedded import EmbeddedNodes
from terrazul.server.compute.providers.remote import RemoteNodes
from terrazul.server.compute.remote.machines import Machines
from terrazul.server.compute.remote.reach import Reach
from terrazul.server.network.outgoing import Outgoing
from terrazul.testing.compute import NODE, ComputeContract, ProviderContract, check_two_runners, job_of
from terrazul.testing.sshd import running_sshd
from terrazul.wire.compute import RemoteSettings
from terrazul.wire.server import ServerFile


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
        check_two_runners(kind, jobs, placements)


class TestEmbedded(ProviderContract):
    @pytest.fixture
    def provider(self, tmp_path: Path) -> NodeProvider:
        return EmbeddedNodes(LocalCompute(tmp_path / "runs"), tmp_path)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """A machine over SSH, connected and prepared; the server that its runners look for is away."""
    with running_sshd(tmp_path_factory.mktemp("machine")) as sshd:
        reach = Reach(RemoteSettings(**sshd.settings, own="own"), {"private_key": sshd.private_key})
        away = ServerFile("http://127.0.0.1:9", 0, "")
        machines = Machines(lambda _: reach, Outgoing([sshd.place]), lambda: away, lambda: None)
        try:
            machines.connect(NODE)
            yield machines
        finally:
            machines.stop()


class TestRemote(ComputeContract):
    @pytest.fixture
    def kind(self, machines: Machines) -> ComputeKind:
        return RemoteCompute(machines)


class TestRemoteNodes(ProviderContract):
    @pytest.fixture
    def provider(self, machines: Machines) -> NodeProvider:
        return RemoteNodes(RemoteCompute(machines), machines)
