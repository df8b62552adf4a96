"""Fixtures that all tests share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from terrazul.testing.postgresql import PostgresqlCluster
from terrazul.testing.server import RunningServer


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlCluster]:
    """A PostgreSQL that all tests of a process share; each makes a database of its own."""
    cluster = PostgresqlCluster()
    yield cluster
    cluster.remove()


@pytest.fixture(scope="module")
def new_database() -> Callable[[], str]:
    """Makes the setting ``database`` of a server: the file in its home, where a folder does not ask for both kinds."""
    return str


@pytest.fixture
def server(tmp_path: Path, new_database: Callable[[], str]) -> Iterator[RunningServer]:
    """A server of the test's own."""
    running = RunningServer(tmp_path / "home", database=new_database())
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[], str]) -> Iterator[RunningServer]:
    """A server that the tests of a module share, for those that leave it as it was."""
    running = RunningServer(tmp_path_factory.mktemp("shared") / "home", database=new_database())
    running.start()
    yield running
    running.stop()
