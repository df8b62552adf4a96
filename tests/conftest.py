"""Fixtures that all tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from terrazul.testing.server import RunningServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server of the test's own."""
    running = RunningServer(tmp_path / "home")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that the tests of a module share, for those that leave it as it was."""
    running = RunningServer(tmp_path_factory.mktemp("shared") / "home")
    running.start()
    yield running
    running.stop()
