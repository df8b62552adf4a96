"""Savings of a v1 workspace that were broken off or are not whole, imports that are repeated, and mistakes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import terrazul
from azureml.core import Experiment, Model, Workspace
from terrazul.importing.azureml import export_workspace
from terrazul.testing import importing
from terrazul.testing.importing import problems
from terrazul.testing.needs import needs_python
from terrazul.testing.server import RunningServer
from terrazul.wire.metric import MetricKind

TERRAZUL = str(Path(sys.executable).with_name("terrazul"))
SOURCE = str(Path(terrazul.__file__).parents[1])
CONFIG = '{"subscription_id": "local", "resource_group": "terrazul", "workspace_name": "%s"}'
pytestmark = pytest.mark.functional


class Folder:
    """A folder as the program writes it, with one run and one model."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.about = {"format": 1, "saved_at": "2026-01-01T00:00:00Z", "complete": True, "problems": []}
        self.write("export.json", self.about)
        self.write("experiments/e1.json", {"id": "e1", "name": "first", "tags": {"a": "b"}, "archived_at": None})

    def write(self, path: str, content: Any) -> None:
        """A file below the root; text as it is, all else as JSON."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content))

    def add_run(self, run_id: str, **changes: Any) -> None:
        """A run with two metrics and a file."""
        about = {
            "id": run_id, "number": 1, "experiment": "first", "parent": None, "type": None, "status": "Completed",
            "started_at": "2025-05-01T10:00:00.1234567Z", "ended_at": "2025-05-01 10:01:00+00:00", "tags": {"t": None},
            "properties": {"ContentSnapshotId": "v1"}, "snapshot_id": None, "saved": True, "missing": [],
        }  # fmt: skip
        self.write(f"runs/{run_id}/run.json", {**about, **changes})
        metrics = {"loss": [1.0, 0.5], "table": {"x": [1, 2]}}
        self.write(f"runs/{run_id}/metrics.json", {"metrics": metrics, "series": {}})
        self.write(f"runs/{run_id}/files/outputs/a.txt", f"of {run_id}")

    def add_model(self, version: int, **changes: Any) -> None:
        """A version of the model ``net``."""
        about = {"name": "net", "version": version, "created_at": "2025-05-02 10:00:00", "tags": {}, "properties": {}}
        self.write(f"models/net/{version}/model.json", {**about, **changes})
        self.write(f"models/net/{version}/files/net.bin", f"version {version}")

    def add_environment(self, version: str, name: str = "env", **changes: Any) -> None:
        """A version of an environment."""
        about = {"name": name, "version": version, "environmentVariables": {"VERSION": version}, **changes}
        self.write(f"environments/{name}/{version}/azureml_environment.json", about)

    def add_snapshot(self, snapshot_id: str, files: dict[str, str]) -> None:
        """An archive."""
        place = self.root / "snapshots" / f"{snapshot_id}.zip"
        place.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(place, "w") as archive:
            for path, text in files.items():
                archive.writestr(path, text)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "saved")


@pytest.fixture
def source(server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace of a v1 user, in whose folder the test works."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    server.workspace("source")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("config.json").write_text(CONFIG % "source")
    return Workspace.from_config()


def bring(server: RunningServer, saved: Path, *options: str) -> Any:
    return importing.bring(server, "azureml", saved, *options)


def saving(server: RunningServer, *line: str, python: str = sys.executable) -> subprocess.Popen[str]:
    """The program at work, in the folder in which the test works."""
    return subprocess.Popen(
        [python, export_workspace.__file__, *line],
        env={**os.environ, **server.environment, "PYTHONPATH": SOURCE},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def save(server: RunningServer, *line: str, python: str = sys.executable) -> tuple[int, str]:
    with saving(server, *line, python=python) as program:
        _, told = program.communicate(timeout=100)
    return program.returncode, told


def counts(saved: str) -> dict[str, list[int]]:
    about = json.loads(Path(saved, "export.json").read_text())
    assert about["complete"]
    found: dict[str, list[int]] = about["counts"]
    return found


def test_what_is_broken_is_named_and_the_rest_comes(server: RunningServer, folder: Folder) -> None:
    folder.write("export.json", {**folder.about, "problems": [{"thing": "dataset d", "reason": "Gone: it is gone"}]})
    folder.add_run("good", parent="nowhere", snapshot_id="s1", error={"error": {"code": "Disk", "message": "Full."}})
    folder.add_run("half", saved=False)
    folder.add_run("torn")
    folder.write("runs/torn/run.json", '{"id": "torn", ')
    folder.add_run("strange", experiment="a//b")
    folder.add_run("odd", number="many")
    folder.add_snapshot("s1", {"train.py": "print()", "../out.py": "print()"})
    folder.add_model(1)
    folder.add_model(2, created_by=None, tags=["none"])
    folder.add_model(3, run_id="gone")
    folder.write("environments/env/1/azureml_environment.json", "[")
    folder.add_environment("2")
    folder.add_environment("1", "AzureML-own")
    folder.write("datasets/d/1.json", {"name": "d"})

    told = bring(server, folder.root)

    assert told["runs"] == {"found": 1, "new": 1}
    assert told["waiting"] == {"dataset definitions": 1}
    found = problems(told)
    assert found.keys() == {
        "dataset d", "run good", "run half", "run torn", "run odd", "experiment 'a//b'", "model net/2", "model net:3",
        "environment env:1", "environment AzureML-own:1",
    }  # fmt: skip
    assert found["dataset d"] == ["was not saved: Gone: it is gone"]
    assert any("a file of its snapshot cannot come" in each for each in found["run good"])
    assert any("its parent nowhere does not come" in each for each in found["run good"])
    assert "it comes without" in found["model net:3"][0]
    here = server.workspace()
    run = server.call("GET", f"{here}/runs/good")
    assert (run["state"], run["started_at"], run["ended_at"]) == (
        "Completed", "2025-05-01T10:00:00.123456Z", "2025-05-01T10:01:00.000000Z"
    )  # fmt: skip
    assert run["error"]["message"] == "Full."
    assert run["properties"] == {"ContentSnapshotId": "v1"}
    assert run["tags"] == {"t": "", "mlflow.parentRunId": "nowhere"}
    manifest = server.call("GET", f"{here}/snapshots/{run['snapshot_id']}")["manifest"]
    assert [each["path"] for each in manifest["files"]] == ["train.py"]
    assert server.call("GET", f"{here}/runs/good/artifact?path=outputs/a.txt") == b"of good"
    kinds = {each["name"]: each["kind"] for each in server.call("GET", f"{here}/runs/good/metrics")[0]["metrics"]}
    assert kinds == {"loss": MetricKind.SCALAR.value, "table": MetricKind.TABLE.value}
    assert [each["version"] for each in server.call("GET", f"{here}/environments")] == ["2"]
    assert server.call("GET", f"{here}/models/net:3")["created_at"] == "2025-05-02T10:00:00.000000Z"


def test_a_saving_that_was_broken_off_says_so(server: RunningServer, folder: Folder) -> None:
    folder.write("export.json", {**folder.about, "complete": False})
    folder.add_run("good")
    told = bring(server, folder.root)
    assert told["runs"]["new"] == 1
    assert "has not come to its end" in told["problems"][0]["reason"]


def test_a_dry_run_writes_nothing(server: RunningServer, folder: Folder) -> None:
    folder.add_run("good", snapshot_id="s1")
    folder.add_snapshot("s1", {"train.py": "print()"})
    folder.add_model(1)
    folder.add_environment("1")
    told = bring(server, folder.root, "--dry-run")
    assert [told[name]["new"] for name in ("runs", "snapshots", "model_versions", "environments")] == [1, 1, 1, 1]
    here = server.workspace()
    assert server.call("GET", f"{here}/experiments") == []
    assert server.call("GET", f"{here}/models")["models"] == []
    assert server.call("GET", f"{here}/environments") == []


def test_versions_of_environments_keep_their_numbers(server: RunningServer, folder: Folder) -> None:
    folder.add_environment("3")
    folder.add_environment("10")
    folder.add_environment("2026.1", "dated")
    folder.add_environment("2026.2", "dated")
    here = server.workspace()

    came, again = bring(server, folder.root), bring(server, folder.root)

    assert came["environments"] == {"found": 4, "new": 4}
    assert again["environments"] == {"found": 4, "new": 0}
    assert problems(came) == {
        "environment dated:2026.1": ["its version is no number; here it is 1"],
        "environment dated:2026.2": ["its version is no number; here it is 2"],
    }
    assert problems(again) == {}
    assert [each["version"] for each in server.call("GET", f"{here}/environments?name=env")] == ["10", "3"]
    newest = server.call("GET", f"{here}/environments/env")
    assert newest["definition"]["environment_variables"] == {"VERSION": "10"}
    folder.add_environment("4")
    assert "has passed the version 4" in problems(bring(server, folder.root))["environment env:4"][0]
    (folder.root / "environments/env/4/azureml_environment.json").unlink()
    folder.add_environment("3", environmentVariables={"VERSION": "other"})
    assert "with another definition" in problems(bring(server, folder.root))["environment env:3"][0]


def test_an_environment_that_cannot_be_taken_is_refused_by_itself(server: RunningServer) -> None:
    here = server.workspace()
    good = {"definition": {"name": "good"}, "version": 7, "created_at": 5}
    entries = [{**good, "definition": {"name": "two words"}}, {**good, "version": 0}, {**good, "created_at": -1}, good]
    refusals = server.call("POST", f"{here}/imports", {"environments": entries})["refusals"]
    assert [(each["kind"], each["index"], each["code"]) for each in refusals] == [
        ("environments", 0, "invalid_input"), ("environments", 1, "invalid_input"), ("environments", 2, "invalid_input")
    ]  # fmt: skip
    listed = server.call("GET", f"{here}/environments")
    assert [(each["name"], each["version"], each["created_at"]) for each in listed] == [
        ("good", "7", "1970-01-01T00:00:00.000005Z")
    ]


def test_what_was_changed_here_stays(server: RunningServer, folder: Folder) -> None:
    folder.add_run("good")
    folder.write("experiments/e1.json", {"id": "e1", "name": "first", "archived_at": "2025-06-01T00:00:00+00:00"})
    bring(server, folder.root)
    here = server.workspace()
    experiment = server.call("GET", f"{here}/experiments?view=archived")[0]
    assert experiment["archived_at"] == "2025-06-01T00:00:00.000000Z"
    server.call("PATCH", f"{here}/experiments/{experiment['experiment_id']}", {"archived": False})
    change = {"run_id": "good", "set_tags": {"t": "mine"}}
    server.call("POST", f"{here}/writes", {"writer": "w", "sequence": 1, "changes": [change]})
    assert bring(server, folder.root)["runs"] == {"found": 1, "new": 0}
    assert server.call("GET", f"{here}/experiments?view=archived") == []
    assert server.call("GET", f"{here}/runs/good")["tags"]["t"] == "mine"


def test_a_run_that_went_on_gets_what_it_lacks_once_it_has_ended(server: RunningServer, source: Workspace) -> None:
    run = Experiment(source, "first").start_logging()
    for value in (3, 2):
        run.log("loss", value)
    Path("log.txt").write_text("first line\n")
    run.upload_file("log.txt", "log.txt")
    assert save(server, "saved")[0] == 0
    first = bring(server, Path("saved").absolute())
    run.log("loss", 1)
    run.log("last", "word")
    Path("more.txt").write_text("more\n")
    run.upload_file("more.txt", "more.txt")
    run.complete()

    assert save(server, "saved")[0] == 0
    again = bring(server, Path("saved").absolute())
    third = bring(server, Path("saved").absolute())

    assert (first["runs"]["new"], first["metric_values"]["new"]) == (1, 2)
    assert again["metric_values"] == {"found": 4, "new": 2}
    assert again["files"] == {"found": 2, "new": 1}
    assert third["metric_values"] == {"found": 4, "new": 0}
    here = Workspace.get("testing", subscription_id="local", resource_group="terrazul")
    assert here.get_run(run.id).get_metrics() == {"loss": [3, 2, 1], "last": "word"}
    assert here.get_run(run.id).status == "Completed"


def test_what_could_not_be_had_is_tried_again(server: RunningServer, source: Workspace) -> None:
    run = Experiment(source, "first").start_logging()
    content = os.urandom(9_000_000)
    Path("large.bin").write_bytes(content)
    run.upload_file("outputs/large.bin", "large.bin")
    run.log("loss", 1)
    run.complete()
    run.register_model("net", model_path="outputs/large.bin")
    stored = next(
        each for each in (server.home.path / "blobs").rglob("*") if each.is_file() and each.stat().st_size == 9_000_000
    )
    hidden = stored.rename(stored.with_name("hidden"))

    code, told = save(server, "saved")
    assert code == 1
    assert f"file outputs/large.bin of run {run.id}" in told
    assert "model net:1" in told
    assert counts("saved")["runs"] == [1, 0]
    hidden.rename(stored)
    save(server, "saved")
    assert counts("saved") == {"experiments": [1, 0], "runs": [1, 0], "files": [1, 0], "model versions": [1, 0]}
    save(server, "saved")
    assert counts("saved") == {"experiments": [1, 0], "runs": [1, 1], "model versions": [1, 1]}
    told_here = bring(server, Path("saved").absolute())
    assert told_here["files"]["new"] == 2
    here = Workspace.get("testing", subscription_id="local", resource_group="terrazul")
    assert Path(Model(here, "net").download("fetched")).read_bytes() == content


@pytest.mark.alone
def test_a_saving_and_an_import_that_are_killed_go_on(server: RunningServer, source: Workspace) -> None:
    experiment = Experiment(source, "many")
    parent = experiment.start_logging()
    for number in range(150):
        child = parent.child_run(name=str(number))
        child.log_list("loss", [number, number / 2, number / 4])
        child.complete()
    parent.complete()
    with saving(server, "saved") as program:
        wait_for(lambda: len(list(Path("saved").glob("runs/*/metrics.json"))) > 20, program)
        program.send_signal(signal.SIGKILL)
    save(server, "saved")
    saved = counts("saved")["runs"]
    assert saved[0] == 151
    assert saved[1] > 0

    here = server.workspace()
    line = [TERRAZUL, "import", "azureml", str(Path("saved").absolute()), "-w", "testing"]
    environment = {**os.environ, **server.environment}
    with subprocess.Popen(line, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as program:
        wait_for(lambda: any(each["run_count"] for each in server.call("GET", f"{here}/experiments")), program)
        program.send_signal(signal.SIGKILL)
    bring(server, Path("saved").absolute())
    again = bring(server, Path("saved").absolute())

    assert again["runs"] == {"found": 151, "new": 0}
    assert again["metric_values"]["new"] == 0
    imported = Workspace.get("testing", subscription_id="local", resource_group="terrazul").get_run(parent.id)
    assert imported.get_metrics(recursive=True) == parent.get_metrics(recursive=True)
    names = [sorted(each.display_name for each in run.get_children()) for run in (parent, imported)]
    assert names[0] == names[1]


def wait_for(happened: Callable[[], bool], program: subprocess.Popen[Any]) -> None:
    """Wait until something has happened, or the program is over."""
    deadline = time.monotonic() + 100
    while not happened() and program.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_oldest_python_here_saves_too(server: RunningServer, source: Workspace) -> None:
    Experiment(source, "first").start_logging().complete()
    code, told = save(server, "saved", python=needs_python((3, 8)))
    assert code == 0
    assert counts("saved") == {"experiments": [1, 0], "runs": [1, 0]}
    assert "Next, where Terrazul is: `terrazul import azureml saved --dry-run`" in told


def test_mistakes_are_told_before_anything_is_written(
    server: RunningServer, source: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    Experiment(source, "first").start_logging().complete()
    assert save(server, "saved", "--experiment", "frist") == (2, "The workspace has no experiment frist.\n")
    assert not Path("saved").exists()
    assert save(server, "saved", "--experiment", "first")[0] == 0
    Path("other").mkdir()
    Path("other/config.json").write_text(CONFIG % "another")
    server.workspace("another")
    assert save(server, "saved", "--config", "other") == (
        2, "The folder saved holds another workspace. Name another folder.\n"
    )  # fmt: skip
    assert save(server, ".") == (2, "The folder . holds something else. Name another one.\n")
    monkeypatch.chdir("/")
    code, told = save(server, "new")
    assert (code, told[:31]) == (2, "The workspace cannot be opened.")


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        ("nowhere", "nowhere is not there."),
        ("server.json", "server.json is no folder."),
        ("blobs", "In blobs is no workspace that was saved"),
    ],
)
def test_what_cannot_be_read_is_told(shared_server: RunningServer, named: str, sentence: str) -> None:
    shared_server.workspace()
    code, _, error = importing.call_import(shared_server, "azureml", named)
    assert code in {2, 3}
    assert sentence in error
    assert "terrazul export-script" in error


def test_the_program_is_printed_or_written(tmp_path: Path) -> None:
    line = [TERRAZUL, "export-script"]
    printed = subprocess.run(line, capture_output=True, text=True, check=True, timeout=60).stdout
    assert printed == Path(export_workspace.__file__).read_text()
    line += ["--output", str(tmp_path / "program.py")]
    written = subprocess.run(line, capture_output=True, text=True, check=True, timeout=60)
    assert "python program.py saved" in written.stderr
    assert (tmp_path / "program.py").read_text() == printed
    again = subprocess.run(line, capture_output=True, text=True, check=False, timeout=60)
    assert (again.returncode, "is there already" in again.stderr) == (2, True)
    assert subprocess.run([*line, "--yes"], check=False, capture_output=True, timeout=60).returncode == 0
    nowhere = [TERRAZUL, "export-script", "--output", str(tmp_path / "nowhere" / "program.py")]
    assert subprocess.run(nowhere, check=False, capture_output=True, timeout=60).returncode == 2
