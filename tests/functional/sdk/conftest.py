"""A person who works with the SDK, in a folder of their own."""

import socket
import sys
from pathlib import Path

import pytest

from terrazul.sdk.environment import Environment
from terrazul.sdk.experiment import Experiment
from terrazul.sdk.workspace import Workspace
from terrazul.testing.server import RunningServer


@pytest.fixture
def person(shared_server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which somebody works who uses the server that the module shares."""
    return at_work(shared_server, tmp_path, monkeypatch)


@pytest.fixture
def workspace(person: Path) -> Workspace:
    assert person.is_dir()
    return Workspace("subscription", "group", "work")


@pytest.fixture
def experiment(workspace: Workspace, request: pytest.FixtureRequest) -> Experiment:
    return Experiment(workspace, request.node.name[:60])


@pytest.fixture
def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def at_work(server: RunningServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have this process use a server, and work in a folder."""
    for name in ("TERRAZUL_SERVER", "TERRAZUL_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    desk = folder / "desk"
    desk.mkdir()
    monkeypatch.chdir(desk)
    return desk


def this_python() -> Environment:
    """The environment of this process, as it is."""
    environment = Environment("this-python")
    environment.python.user_managed_dependencies = True
    environment.python.interpreter_path = sys.executable
    return environment
