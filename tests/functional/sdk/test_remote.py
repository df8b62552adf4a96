"""Machines over SSH as v1 code uses them: a real sshd, a real server, real runs."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from azureml.core import Dataset, Environment, Experiment, Run, ScriptRunConfig, Workspace
from azureml.core.compute import AmlCompute, ComputeTarget, RemoteCompute
from azureml.exceptions import ComputeTargetException
from terrazul.core.errors import TerrazulError
from terrazul.testing.server import RunningServer
from terrazul.testing.sshd import RunningSshd, make_key, running_sshd
from terrazul.testing.submission import TERMINAL, wait_for

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

READ = """
import pathlib, sys
at = pathlib.Path(sys.argv[1])
print(*[file.read_text() for file in [at, *at.rglob("*")] if file.is_file()])
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
    return Workspace("local", "terrazul", "afar")


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
def machine(workspace: Workspace, sshd: RunningSshd, server: RunningServer, go: Path) -> Iterator[RemoteCompute]:
    """A machine that stays attached; what a test has ended is there again after it, and what it began has ended."""
    if "vm" not in workspace.compute_targets:
        attach(workspace, sshd)
    attached = workspace.compute_targets["vm"]
    assert isinstance(attached, RemoteCompute)
    attached.wait_for_completion()
    yield attached
    go.touch()
    if not server.is_running:
        server.start()
    if not sshd.is_running:
        sshd.start()
        attach(workspace, sshd)
    for run in Run.list_by_compute(attached):
        if run.get_status() not in TERMINAL:
            run.cancel()
            run.wait_for_completion(raise_on_error=False)


def is_running(run: Run) -> bool:
    return bool(run.get_status() == "Running" and run.get_metrics().get("loss") == 0.5)


def about(server: RunningServer, run: Run) -> dict[str, object]:
    path = f"{server.workspace('afar')}/runs/{run.id}"
    return dict(server.call("GET", path))


def test_script_runs_on_the_machine_as_it_does_here(
    workspace: Workspace, machine: RemoteCompute, sshd: RunningSshd, server: RunningServer, submit: Submit, go: Path
):
    """With metrics, outputs and logs, one at a time; what a shell would execute in its folder's name is not."""
    found = workspace.compute_targets["vm"]
    assert isinstance(found, RemoteCompute)
    assert (found.type, found.provisioning_state, found.is_attached) == ("VirtualMachine", "Succeeded", True)
    assert (found.address, found.ssh_port, found.username) == ("127.0.0.1", sshd.port, sshd.user)
    assert found.host_key_fingerprint == sshd.host_key
    first, second = submit("vm"), submit("vm")
    wait_for(lambda: is_running(first))
    assert about(server, second)["queue_reason"] == "Waits for a place on 'vm': 1 of 1 is taken."
    with pytest.raises(ComputeTargetException, match="executes a run"):
        machine.detach()
    go.touch()
    for run in (first, second):
        run.wait_for_completion()
        assert run.get_metrics() == {"loss": [0.5, 0.25]}
    first.download_file("outputs/model.txt", str(go.parent / "model.txt"))
    first.download_file("azureml-logs/70_driver_log.txt", str(go.parent / "log.txt"))
    assert (go.parent / "model.txt").read_text().startswith(str(sshd.remote_folder))
    assert "on the machine" in (go.parent / "log.txt").read_text()
    assert not list(sshd.remote_folder.parent.rglob("here"))


def test_data_goes_there_and_a_run_is_canceled_there(
    workspace: Workspace, machine: RemoteCompute, desk: Path, submit: Submit
):
    assert machine.max_concurrent_runs == 1
    (desk / "words.txt").write_text("some words")
    datastore = workspace.get_default_datastore()
    datastore.upload_files([str(desk / "words.txt")], target_path="in", overwrite=True)
    folder = desk / "reader"
    folder.mkdir()
    (folder / "train.py").write_text(READ)
    words = Dataset.File.from_files((datastore, "in/words.txt")).as_named_input("words").as_download()
    config = ScriptRunConfig(str(folder), "train.py", [words], compute_target="vm", environment=this_python())
    reader = Experiment(workspace, "afar").submit(config)
    reader.wait_for_completion()
    reader.download_file("azureml-logs/70_driver_log.txt", str(desk / "log.txt"))
    assert "some words" in (desk / "log.txt").read_text()

    endless = submit("vm")
    wait_for(lambda: is_running(endless))
    endless.cancel()
    endless.wait_for_completion(raise_on_error=False)
    assert endless.get_status() == "Canceled"


def test_run_goes_on_without_the_connection_and_is_picked_up(
    machine: RemoteCompute, sshd: RunningSshd, server: RunningServer, submit: Submit, go: Path
):
    """The run ends while nobody is connected; nothing of it is lost, and it is the first attempt."""
    assert machine.provisioning_state == "Succeeded"
    run = submit("vm")
    wait_for(lambda: is_running(run))
    sshd.stop()
    go.touch()
    wait_for(lambda: machine.get_status() and machine.provisioning_errors)
    assert run.get_status() == "Running"
    sshd.start()
    run.wait_for_completion()
    assert run.get_metrics() == {"loss": [0.5, 0.25]}
    assert about(server, run)["attempt"] == 1
    wait_for(lambda: machine.get_status() and not machine.provisioning_errors)


def test_run_outlives_a_server_that_is_killed(machine: RemoteCompute, server: RunningServer, submit: Submit, go: Path):
    assert machine.provisioning_state == "Succeeded"
    run = submit("vm")
    wait_for(lambda: is_running(run))
    server.kill()
    go.touch()
    server.start()
    run.wait_for_completion()
    assert run.get_metrics() == {"loss": [0.5, 0.25]}
    assert about(server, run)["attempt"] == 1


def test_run_waits_for_a_machine_that_is_gone_and_is_told_so(
    workspace: Workspace, machine: RemoteCompute, sshd: RunningSshd, server: RunningServer, submit: Submit, go: Path
):
    """Attaching it again has it looked at now; otherwise that is done every minute."""
    assert machine.provisioning_state == "Succeeded"
    go.touch()
    sshd.stop()
    wait_for(lambda: machine.get_status() and machine.provisioning_errors)
    run = submit("vm")
    reason = wait_for(lambda: about(server, run)["queue_reason"])
    assert f"Waits for a place on 'vm'. The machine {sshd.place} cannot be reached" in reason
    sshd.start()
    attach(workspace, sshd)
    run.wait_for_completion()
    assert run.get_metrics() == {"loss": [0.5, 0.25]}


def test_machine_with_another_host_key_is_not_signed_in_to(
    workspace: Workspace, machine: RemoteCompute, sshd: RunningSshd
):
    """Until somebody says that the new key is the right one."""
    before = sshd.host_key
    assert machine.host_key_fingerprint == before
    sshd.stop()
    sshd.new_host_key()
    sshd.start()
    with pytest.raises(ComputeTargetException, match="shows the host key SHA256:") as refused:
        attach(workspace, sshd)
    assert (before in str(refused.value), "host_key_fingerprint" in str(refused.value)) == (True, True)
    attach(workspace, sshd, host_key_fingerprint=sshd.host_key).wait_for_completion()
    assert machine.get_status() == "Succeeded"
    machine.refresh_state()
    assert machine.host_key_fingerprint == sshd.host_key


def test_machine_that_cannot_be_signed_in_to_is_not_attached(workspace: Workspace, sshd: RunningSshd, desk: Path):
    make_key(desk / "other")
    make_key(desk / "closed", "secret words")
    key = {"private_key_file": ""}
    refusals: list[tuple[dict[str, object], str]] = [
        ({"password": "not this one", **key}, "does not let .* in with this password"),
        ({"private_key_file": str(desk / "other")}, "does not let .* in with this private key"),
        ({"private_key_file": str(desk / "closed")}, "cannot be read without a passphrase"),
        ({"private_key_file": str(desk / "closed"), "private_key_passphrase": "x"}, "cannot be read with this passphr"),
        ({"private_key_file": str(desk / "other.pub")}, "cannot be read without a passphrase"),
        ({"private_key_file": str(desk / "absent")}, "No such file"),
        ({"host_key_fingerprint": "SHA256:" + "a" * 43}, "shows the host key"),
        ({"host_key_fingerprint": "aa:bb"}, "no fingerprint of a host key"),
        ({"ssh_port": 9}, "lies outside of the public internet.*--allowed-destinations 127.0.0.1:9"),
        ({"address": "$(reboot)"}, "no name or address of a machine"),
        ({"remote_folder": "../up"}, "is no folder"),
        ({"max_concurrent_runs": 0}, "max_concurrent_runs is 0"),
    ]
    for given, told in refusals:
        with pytest.raises(TerrazulError, match=f"(?s){told}"):
            attach(workspace, sshd, "never", **given)
    assert "never" not in workspace.compute_targets
    for wrong in ({"address": None}, {"password": "and a key"}, {"resource_id": "/subscriptions/x"}):
        with pytest.raises(ComputeTargetException):
            attach(workspace, sshd, "never", **wrong)


def test_attached_machine_has_its_own_ways(workspace: Workspace, machine: RemoteCompute, sshd: RunningSshd):
    machine.update(max_concurrent_runs=2)
    assert workspace.compute_targets["vm"].serialize()["properties"]["isAttachedCompute"]
    assert ComputeTarget(workspace, "VM").serialize()["properties"]["properties"] == {
        "address": "127.0.0.1", "sshPort": sshd.port, "virtualMachineSize": "",
        "administratorAccount": {"username": sshd.user},
    }  # fmt: skip
    for refused in (machine.delete, machine.get_credentials):
        with pytest.raises(ComputeTargetException):
            refused()
    with pytest.raises(ComputeTargetException, match="of the kind VirtualMachine"):
        ComputeTarget.create(workspace, "vm", AmlCompute.provisioning_configuration())
    elsewhere = {"address": "127.0.0.1", "port": sshd.port, "username": "other"}
    with pytest.raises(TerrazulError, match="sent nowhere else"):
        workspace.client.post(dict, "/computes", {"name": "vm", "kind": "VirtualMachine", "settings": elsewhere})
    with pytest.raises(TerrazulError, match="can only be changed by attaching it again"):
        workspace.client.patch(dict, "/computes/vm", {"settings": {"address": "elsewhere"}})


def test_what_is_secret_stays_here(machine: RemoteCompute, sshd: RunningSshd, server: RunningServer, submit: Submit):
    """No answer and no file of the server holds the key, and the machine has the run's token alone."""
    run = submit("vm")
    wait_for(lambda: is_running(run))
    secret = sshd.private_key.splitlines()[1]
    told = [server.call("GET", server.workspace("afar") + path) for path in ("/computes", "/computes/vm", "/activity")]
    assert secret not in str(told)
    holding = [file for file in server.home.path.iterdir() if file.is_file() and secret.encode() in file.read_bytes()]
    assert holding == []
    own = [file for file in sshd.remote_folder.rglob("*") if file.is_file() and "programs" not in file.parts]
    assert [file for file in own if server.token.encode() in file.read_bytes()] == []
    (job,) = [file for file in own if file.name == "job.json" and run.id in file.parts]
    assert job.stat().st_mode & 0o077 == 0
    port = int(next(file for file in own if file.name == "port").read_text())
    listening = {
        each.laddr.ip
        for each in psutil.net_connections("tcp")
        if each.laddr and each.laddr.port == port and each.status == "LISTEN"
    }
    assert listening == {"127.0.0.1"}
    run.cancel()
    run.wait_for_completion(raise_on_error=False)
    assert machine.provisioning_state == "Succeeded"


def test_detached_machine_has_nothing_of_its_target_left(workspace: Workspace, sshd: RunningSshd):
    attached = attach(workspace, sshd, "brief")
    attached.wait_for_completion()
    before = {file.name for file in sshd.remote_folder.iterdir()}
    attached.detach()
    attached.wait_for_completion(is_delete_operation=True)
    assert len(before - {file.name for file in sshd.remote_folder.iterdir()}) == 1
    assert "brief" not in workspace.compute_targets
