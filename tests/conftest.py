"""Fixtures that all tests share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from terrazul.testing.forked_server import ForkedServer
from terrazul.testing.postgresql import PostgresqlCluster
from terrazul.testing.server import RunningServer

hypothesis.settings.register_profile("suite", deadline=None)  # a machine that is busy is no failure
hypothesis.settings.load_profile("suite")

RunningServer.launch = ForkedServer


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let all tests that start a server be run on either kind of database."""
    parser.addoption("--database", choices=["sqlite", "postgresql"], default="sqlite")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what must hold on each kind of database on each."""
    if "new_database" in metafunc.fixturenames and metafunc.definition.get_closest_marker("each_database"):
        metafunc.parametrize("new_database", ["sqlite", "postgresql"], indirect=True, scope="module")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlCluster]:
    """A PostgreSQL that all tests of a process share; each makes a database of its own."""
    cluster = PostgresqlCluster()
    yield cluster
    cluster.remove()


@pytest.fixture(scope="module")
def new_database(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Makes the setting ``database`` of a server: a new database, or the file in its home."""
    if getattr(request, "param", request.config.getoption("database")) == "sqlite":
        return str
    cluster: PostgresqlCluster = request.getfixturevalue("postgresql")
    return cluster.make_database


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
