"""A new team of two, from outside: one makes a workspace and shares it, the other looks, tries, and is refused.

That a change of the master key loses nothing under load is shown by ``tests/faults/test_rotation.py``, and that a line
of the activity log which was changed in the database is found by ``tests/functional/server/test_activity.py``.
"""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from terrazul.core.home import Home
from terrazul.testing.submission import wait_for

from .conftest import Shell

pytestmark = pytest.mark.functional
WRITES = """
from azureml.core import Environment, Experiment, Keyvault, Model, ScriptRunConfig, Workspace
from terrazul.core.errors import Forbidden

ws = Workspace.from_config()
seen = {each.name: each for each in Experiment.list(ws)}
run = next(iter(seen["owners"].get_runs()))
print("sees", run.id, sorted(run.get_metrics()))
script = ScriptRunConfig(".", script="train.py", command=None)
writes = {
    "start a run": lambda: Experiment(ws, "readers").start_logging(snapshot_directory=None),
    "start a run in an experiment that is there": lambda: seen["owners"].start_logging(snapshot_directory=None),
    "submit": lambda: seen["owners"].submit(script),
    "record": lambda: run.add_properties({"by": "reader"}),
    "cancel": lambda: run.cancel(),
    "register": lambda: Model.register(ws, "train.py", "readers-model"),
    "environment": lambda: Environment("readers").register(ws),
    "secret": lambda: ws.get_default_keyvault().set_secret("readers", "x"),
    "read a secret": lambda: ws.get_default_keyvault().get_secret("owners"),
    "share": lambda: ws.share("reader", "Owner"),
    "delete": lambda: ws.delete(),
}
for name, write in writes.items():
    try:
        write()
    except Forbidden as refused:
        print("refused", name, refused.message)
    else:
        print("went through", name)
print(len(writes), "tried")
print("-- later")
run.tag("by", "reader")
"""


class Member(Shell):
    """The shell of somebody on the owner's server who has a token of their own."""

    def __init__(self, owner: Shell, name: str, folder: Path) -> None:
        super().__init__(folder)
        made = owner.json("user", "create", name)
        self.name, self.token = name, str(made["token"])
        self.server = str(json.loads(Home(str(owner.home.path)).server_file.read_text())["url"])
        kept = {key: value for key, value in owner.environment.items() if not key.startswith("TERRAZUL_")}
        self.environment = {**kept, "TERRAZUL_SERVER": self.server, "TERRAZUL_TOKEN": self.token, "COLUMNS": "200"}
        self.environment["TERRAZUL_HOME"] = str(self.home.path)

    def python(self, source: str) -> str:
        """What a script of v1's SDK prints, then what it warns of."""
        line = [sys.executable, "-c", source]
        ended = subprocess.run(
            line, capture_output=True, text=True, cwd=self.folder, env=self.environment, timeout=60, check=False
        )
        assert ended.returncode == 0, ended.stderr
        assert "Traceback" not in ended.stderr
        return ended.stdout + ended.stderr

    def ask(self, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
        """A request as curl would make it: its status, and the answer's JSON."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.server}/api/v1{path}", data, method=method)
        request.add_header("Authorization", f"Bearer {token or self.token}")
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.loads(refused.read())


@pytest.fixture(scope="module")
def owner(shared_project: Shell) -> Shell:
    """The owner's folder, with a run that goes on, and a secret."""
    (shared_project.folder / "train.py").write_text(
        "import time\nfrom azureml.core import Run\nRun.get_context().log('loss', 1)\n"
        "print('on', flush=True)\ntime.sleep(600)\n"
    )
    submitted = shared_project("run", "submit-script", "-e", "owners", "--async", "train.py")
    assert submitted.returncode == 0, submitted.stderr
    shared_project("keyvault", "set", "owners", given="owners-secret\n")
    return shared_project


@pytest.fixture(scope="module")
def reader(owner: Shell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Member]:
    member = Member(owner, "reader", tmp_path_factory.mktemp("reader"))
    (member.folder / "train.py").write_text("print('mine')\n")
    yield member
    owner("user", "delete", "reader", "--yes")


@pytest.fixture(scope="module")
def run(owner: Shell) -> Iterator[dict[str, Any]]:
    """The owner's run, once it is at work."""

    def at_work() -> Any:
        (found,) = owner.json("run", "list", "-e", "owners")
        return found if found["state"] == "Running" else None

    found: dict[str, Any] = wait_for(at_work)
    yield found
    owner("run", "cancel", found["run_id"])


def test_reader_sees_all_and_is_refused_at_each_write(owner: Shell, reader: Member, run: dict[str, Any]):
    unseen = reader("folder", "attach", "-w", "research")
    assert unseen.returncode != 0
    assert owner("workspace", "share", "--user", "reader", "--role", "Reader").returncode == 0
    assert reader("folder", "attach", "-w", "research").returncode == 0
    told, _, later = (text.splitlines() for text in reader.python(WRITES).partition("-- later\n"))
    assert told[0].startswith(f"sees {run['run_id']}")
    refusals = [line for line in told if line.startswith(("refused ", "went through "))]
    assert told[-1] == f"{len(refusals)} tried", told
    assert "does not allow run/write" in " ".join(later), later
    for line in refusals:
        assert line.startswith("refused "), line
        assert "reader is Reader in this workspace, which does not allow " in line, line
    lines = [
        ["run", "submit-script", "-e", "readers", "train.py"],
        ["run", "cancel", run["run_id"]],
        ["experiment", "update", "-n", "owners", "--description", "x"],
        ["model", "register", "-n", "readers", "-p", "train.py"],
        ["workspace", "update", "--description", "x"],
        ["workspace", "unshare", "--user", "reader", "--role", "Reader"],
        ["keyvault", "show", "owners"],
    ]
    for words in lines:
        refused = reader(*words)
        assert refused.returncode != 0, (words, refused)
        assert "reader is Reader in this workspace, which does not allow " in refused.stderr, (words, refused)
        assert "Traceback" not in refused.stderr
    ((workspace_id, roles),) = reader.ask("GET", "/me")[1]["roles"].items()
    assert roles == ["Reader"]
    here = f"/workspaces/{workspace_id}"
    requests = [
        ("POST", f"{here}/experiments", {"name": "readers"}),
        ("POST", f"{here}/writes", {"writer": "w", "sequence": 1}),
        ("DELETE", f"{here}/runs/{run['run_id']}", None),
        ("POST", f"{here}/mlflow/api/2.0/mlflow/runs/create", {"experiment_id": "0"}),
        ("POST", f"{here}/secrets/values", {"names": ["owners"]}),
    ]
    for method, path, body in requests:
        status, answer = reader.ask(method, path, body)
        assert (status, "which does not allow" in answer["message"]) == (403, True), (path, answer)
    assert owner.json("run", "list", "-e", "owners")[0]["state"] == "Running"


def test_stolen_token_of_a_run_opens_nothing_else(owner: Shell, reader: Member, run: dict[str, Any]):
    (job,) = owner.home.runs_folder.rglob("job.json")
    stolen = json.loads(job.read_text())
    here = f"/workspaces/{stolen['workspace_id']}"
    assert reader.ask("GET", f"{here}/runs/{run['run_id']}", token=stolen["token"])[0] == 200
    for method, path, body in (
        ("GET", f"{here}/members", None),
        ("POST", f"{here}/members", {"user": "reader", "role": "Owner"}),
        ("GET", f"{here}/secrets", None),
        ("POST", f"{here}/secrets/values", {"names": ["owners"]}),
        ("POST", f"{here}/experiments", {"name": "stolen"}),
        ("DELETE", f"{here}/runs/{run['run_id']}", None),
        ("POST", "/tokens", {}),
        ("POST", "/users", {"name": "stolen"}),
        ("POST", "/workspaces", {"subscription_id": "s", "resource_group": "g", "name": "stolen"}),
    ):
        assert reader.ask(method, path, body, stolen["token"])[0] == 403, path


def test_folder_is_shared_with_a_guest(owner: Shell, tmp_path: Path):
    guest = Member(owner, "guest", tmp_path)
    (guest.folder / "train.py").write_text("print('hello of the guest')\n")
    try:
        share = ["--user", "guest", "--role", "Contributor", "--folder", "team/guest/"]
        assert owner("workspace", "share", *share).returncode == 0
        assert [each["folder"] for each in owner.json("workspace", "members") if each["user"] == "guest"] == [
            "team/guest"
        ]
        assert "Contributor in team/guest of research" in guest("whoami").stdout
        assert guest("folder", "attach", "-w", "research").returncode == 0
        assert guest.json("experiment", "list") == []
        assert guest.json("run", "list") == []
        done = guest("run", "submit-script", "-e", "team/guest/first", "train.py")
        assert done.returncode == 0, done.stderr
        (submitted,) = guest.json("run", "list")
        assert (submitted["state"], submitted["experiment_name"]) == ("Completed", "team/guest/first")
        source = "from terrazul import Experiment, Workspace; ws = Workspace.from_config(); "
        source += "run = Experiment(ws, 'team/guest/second').start_logging(); run.log('loss', 1); "
        source += "open('out.txt', 'w').write('x'); run.upload_file('outputs/out.txt', 'out.txt'); run.complete(); "
        source += "print(run.get_metrics(), run.get_file_names(), sorted(each.name for each in Experiment.list(ws)))"
        told = guest.python(source)
        assert "'outputs/out.txt'" in told
        assert "['team/guest/first', 'team/guest/second']" in told
        refused = guest("run", "submit-script", "-e", "owners", "train.py")
        assert (refused.returncode, "'owners' lies outside of where guest may do this" in refused.stderr) == (1, True)
        assert guest("model", "list").returncode == 1
        assert guest("run", "delete", submitted["run_id"], "--yes").returncode == 0
        assert owner("workspace", "unshare", *share).returncode == 0
        assert guest.json("workspace", "list") == []
        again = owner("workspace", "unshare", *share)
        assert (again.returncode, "guest is not Contributor in the folder 'team/guest'" in again.stderr) == (3, True)
    finally:
        owner("user", "delete", "guest", "--yes")


def test_all_of_it_is_in_the_activity_log_which_is_whole(owner: Shell, reader: Member, tmp_path: Path):
    refused = owner.json("activity", "list", "--user", reader.name, "--result", "refused", "--since", "1h")
    assert {each["operation"] for each in refused} >= {"cancel_run", "create_experiment", "share_workspace"}
    shared = owner.json("activity", "list", "--since", "1h")
    assert "Contributor in team/guest: guest" in {each["object_id"] for each in shared}
    file = tmp_path / "log.jsonl"
    assert owner("activity", "export", "--all", "--file", str(file)).returncode == 0
    assert owner("activity", "verify").returncode == 0
    assert owner("activity", "verify", "--file", str(file)).returncode == 0
    file.write_text(file.read_text().replace('"user":"reader"', '"user":"nobody"', 1))
    tampered = owner("activity", "verify", "--file", str(file))
    assert (tampered.returncode, "is broken at line" in tampered.stderr) == (1, True), tampered
