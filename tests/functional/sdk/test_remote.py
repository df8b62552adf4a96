"""Machines over SSH as v1 code uses them: a real sshd, a real server, real runs."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from azureml.core import Datastore, Environment, Experiment, Run, ScriptRunConfig, Workspace
from azureml.core.compute import ComputeTarget, RemoteCompute
from azureml.exceptions import ComputeTargetException
from terrazul.core.errors import TerrazulError
from terrazul.testing.server import RunningServer
from terrazul.testing.sshd import RunningSshd, make_key, running_sshd
from terrazul.testing.submission import wait_for

from .conftest import at_work, this_python

TRAIN = """
import os, pathlib, time
from azureml.core import Run
run = Run.get_context()
run.log("loss", 0.5)
pathlib.Path("outputs/model.txt").write_text(os.getcwd())
print("on the machine", flush=True)
go = pathlib.Path(os.environ["GO"])
while not go.exists():
    time.sleep(0.05)
run.log("loss", 0.25)
"""


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSshd]:
    with running_sshd(tmp_path_factory.mktemp("machine")) as sshd:
        yield sshd


@pytest.fixture(scope="module")
def server(sshd: RunningSshd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One that may call the machine, though it lies on loopback."""
    server = RunningServer(tmp_path_factory.mktemp("home"), "--allowed-destinations", sshd.place)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def desk(server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return at_work(server, tmp_path, monkeypatch)


@pytest.fixture
def workspace(desk: Path) -> Workspace:
    assert desk.is_dir()
    return Workspace("subscription", "group", "afar")


@pytest.fixture
def go(tmp_path: Path) -> Path:
    """The file that lets a script end."""
    return tmp_path / "go"


Submit = Callable[[str], Run]


@pytest.fixture
def submit(workspace: Workspace, desk: Path, go: Path) -> Submit:
    """Submits the script to a target."""

    def submit(target: str) -> Run:
        folder = desk / "source"
        folder.mkdir(exist_ok=True)
        (folder / "train.py").write_text(TRAIN)
        environment: Environment = this_python()
        environment.environment_variables["GO"] = str(go)
        config = ScriptRunConfig(str(folder), "train.py", compute_target=target, environment=environment)
        return Experiment(workspace, "afar").submit(config)

    return submit


def attach(workspace: Workspace, sshd: RunningSshd, name: str = "vm", **given: object) -> RemoteCompute:
    about = {"address": "127.0.0.1", "ssh_port": sshd.port, "private_key_file": str(sshd.private_key_file)}
    about |= {"remote_folder": str(sshd.remote_folder)}
    configuration = RemoteCompute.attach_configuration(username=sshd.user, **{**about, **given})
    attached = ComputeTarget.attach(workspace, name, configuration)
    assert isinstance(attached, RemoteCompute)
    return attached


@pytest.fixture
def machine(workspace: Workspace, sshd: RunningSshd) -> Iterator[RemoteCompute]:
    """A machine that is attached, until the test ends."""
    attached = attach(workspace, sshd)
    attached.wait_for_completion()
    yield attached
    attached.detach()
    attached.wait_for_completion(is_delete_operation=True)


def is_running(run: Run) -> bool:
    return bool(run.get_status() == "Running" and run.get_metrics().get("loss") == 0.5)


def about(server: RunningServer, run: Run) -> dict[str, object]:
    path = f"{server.workspace('afar')}/runs/{run.id}"
    return dict(server.call("GET", path))


def test_script_runs_on_the_machine_as_it_does_here(
    workspace: Workspace, machine: RemoteCompute, sshd: RunningSshd, submit: Submit, go: Path
):
    found = workspace.compute_targets["vm"]
    assert isinstance(found, RemoteCompute)
    assert (found.type, found.provisioning_state, found.is_attached) == ("VirtualMachine", "Succeeded", True)
    assert (found.address, found.ssh_port, found.username) == ("127.0.0.1", sshd.port, sshd.user)
    assert found.host_key_fingerprint == sshd.host_key
    first, second = submit("vm"), submit("vm")
    wait_for(lambda: is_running(first))
    with pytest.raises(ComputeTargetException, match="executes a run"):
        machine.detach()
    assert second.get_status() == "Queued"
    go.touch()
    for run in (first, second):
        run.wait_for_completion()
        assert run.get_metrics() == {"loss": [0.5, 0.25]}
    where = go.parent / "model.txt"
    first.download_file("outputs/model.txt", str(where))
    assert where.read_text().startswith(str(sshd.remote_folder))
    assert "on the machine" in (go.parent / "source").name or first.get_file_names()
    assert not list(sshd.remote_folder.parent.rglob("here"))
