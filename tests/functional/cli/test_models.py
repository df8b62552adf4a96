"""The verbs of models, as a user's shell calls them."""

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Shell

pytestmark = pytest.mark.functional
_SCRIPT = "from pathlib import Path\nPath('outputs/model.txt').write_text('weights')\n"


@pytest.fixture
def project(shared_project: Shell) -> Shell:
    folder = shared_project.folder
    (folder / "model").mkdir(exist_ok=True)
    (folder / "model/weights").write_text("weights")
    (folder / "model.pkl").write_text("pickled")
    return shared_project


def registered(project: Shell, *words: str) -> Any:
    return project.json("model", "register", *words)


def test_model_of_the_disk_is_registered_shown_changed_and_deleted(project: Shell, tmp_path: Path):
    described = ["-d", "A test", "--model-framework", "Onnx", "--cc", "1", "--gb", "0.5", "--property", "p=q"]
    named = tmp_path / "model.json"
    made = registered(project, "-n", "disk", "-p", "model", "--tag", "a=1", "--tag", "b", *described, "-t", str(named))
    assert (made["id"], made["tags"], made["properties"]) == ("disk:1", {"a": "1", "b": ""}, {"p": "q"})
    assert made["resource_configuration"] == {"cpu": 1.0, "memory_in_gb": 0.5, "gpu": None}
    assert [file["path"] for file in made["files"]] == ["model/weights"]
    assert json.loads(named.read_text())["modelId"] == "disk:1"
    assert registered(project, "-n", "disk", "-p", "model.pkl")["version"] == 2

    assert [each["id"] for each in project.json("model", "list", "-n", "disk")] == ["disk:2", "disk:1"]
    assert [each["id"] for each in project.json("model", "list", "-l", "--tag", "a=1")] == ["disk:1"]
    table = project("model", "show", "disk:1").stdout
    assert "cpu=1, memory_in_gb=0.5" in table
    assert "model/weights (7 B)" in table
    assert project.json("model", "show", "-n", "disk")["version"] == 2
    assert project.json("model", "show", "-n", "disk", "--version", "1")["version"] == 1

    changed = project.json(
        "model", "update", "-i", "disk:1", "--add-tag", "a=2", "--remove-tag", "b", "--add-property", "r"
    )
    assert (changed["tags"], changed["properties"]) == ({"a": "2"}, {"p": "q", "r": ""})
    refused = project("model", "update", "disk:1", "--add-property", "p=other")
    assert refused.returncode == 1
    assert "cannot become 'other'" in refused.stderr

    assert project.json("model", "download", "-i", "disk:1", "-t", str(tmp_path / "down")) == str(
        tmp_path / "down/model"
    )
    again = project("model", "download", "disk:1", "-t", str(tmp_path / "down"))
    assert (again.returncode, "Add --overwrite" in again.stderr) == (1, True)
    assert project("model", "download", "disk:1", "-t", str(tmp_path / "down"), "--overwrite").returncode == 0

    assert project("model", "delete", "disk:2", "--yes").stderr == "The model disk:2 is deleted.\n"
    gone = project("model", "show", "disk:2")
    assert (gone.returncode, "Its versions are 1." in gone.stderr) == (3, True)
    project("model", "delete", "disk:1", "-y")


def test_model_of_a_run_shows_what_it_was_made_with(project: Shell, tmp_path: Path):
    (project.folder / "train.py").write_text(_SCRIPT)
    named = tmp_path / "run.json"
    run = project.json("run", "submit-script", "-c", "local", "-e", "models", "-t", str(named), "train.py")
    made = registered(project, "-n", "trained", "-f", str(named), "--asset-path", "outputs/model.txt")
    assert (made["run_id"], made["experiment_name"]) == (run["run_id"], "models")
    table = project("model", "show", "trained").stdout
    assert f"run {run['run_id']} (produced by)" in table
    assert f"snapshot {made['snapshot_id']} (code)" in table
    missing = project("model", "register", "-n", "x", "--run-id", run["run_id"], "--asset-path", "outputs/model.pkl")
    assert missing.returncode == 3
    assert "Did you mean 'outputs/model.txt'?" in missing.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["register", "-n", "x"], "Pass --model-path, or --asset-path with --run-id"),
        (["register", "-n", "x", "--asset-path", "outputs"], "Pass --model-path, or --asset-path with --run-id"),
        (["register", "-n", "a b", "-p", "model"], "The model name 'a b' is not valid"),
        (["register", "-n", "x", "-f", "train.py", "--asset-path", "a"], "names no run"),
        (["show"], "No model is named"),
        (["show", "a:1", "-i", "a:2"], "Two models are named"),
        (["delete", "a"], "does not say which version"),
        (["delete", "missing:1"], "There is no model 'missing'"),
        (["register", "-n", "x", "-p", "nowhere"], "'nowhere' does not exist"),
    ],
)
def test_wrong_line_is_told(project: Shell, words: list[str], told: str):
    ended = project("model", *words)
    assert ended.returncode in {2, 3}
    assert told in ended.stderr
