"""Entry scripts that are served once for a whole module of tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from terrazul.testing.scoring import RunningService, ServiceInThread

Serve = Callable[..., RunningService]


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Serves a script; the same script is served once in a module."""
    running: dict[object, RunningService] = {}

    def start(script: str, *options: str, **variables: str) -> RunningService:
        key = (script, options, tuple(variables.items()))
        if key not in running:
            folder = tmp_path_factory.mktemp("service")
            running[key] = RunningService(folder, script, *options, variables=variables)
        return running[key]

    yield start
    for service in running.values():
        service.stop()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ServiceInThread]:
    """A service of the test's own, without a revision."""
    running = ServiceInThread(tmp_path / "service")
    yield running
    running.close()
