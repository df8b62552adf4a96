"""Deploying to a real server."""

from collections.abc import Iterator

import pytest

from terrazul.testing.deployment import Deployer
from terrazul.testing.server import RunningServer


@pytest.fixture
def deploy(server: RunningServer) -> Iterator[Deployer]:
    """Deploys to a server of the test's own."""
    deployer = Deployer(server)
    yield deployer
    deployer.close()


@pytest.fixture(scope="module")
def deploy_shared(shared_server: RunningServer) -> Iterator[Deployer]:
    """Deploys to the server that the tests of a module share."""
    deployer = Deployer(shared_server)
    yield deployer
    deployer.close()
