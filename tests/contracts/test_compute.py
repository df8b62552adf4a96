"""Every kind of compute, and every provider of nodes, passes the same tests."""

from pathlib import Path

import pytest

from terrazul.server.compute.kind import ComputeKind
from terrazul.server.compute.kinds.cluster import ClusterCompute
from terrazul.server.compute.kinds.local import LocalCompute
from terrazul.server.compute.provider import NodeProvider
from terrazul.server.compute.providers.embedded import EmbeddedNodes
from terrazul.testing.compute import ComputeContract, ProviderContract


class TestLocal(ComputeContract):
    @pytest.fixture
    def kind(self, tmp_path: Path) -> ComputeKind:
        return LocalCompute(tmp_path / "runs")


class TestCluster(ComputeContract):
    @pytest.fixture
    def kind(self, tmp_path: Path) -> ComputeKind:
        return ClusterCompute(EmbeddedNodes(LocalCompute(tmp_path / "runs"), tmp_path))


class TestEmbedded(ProviderContract):
    @pytest.fixture
    def provider(self, tmp_path: Path) -> NodeProvider:
        return EmbeddedNodes(LocalCompute(tmp_path / "runs"), tmp_path)
