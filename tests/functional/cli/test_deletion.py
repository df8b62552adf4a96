"""Deleting, restoring, tagging and organising from the command line."""

import json
import subprocess
import sys

import pytest

from .conftest import Shell

_MAKE = """
import sys
from terrazul import Experiment, Workspace
workspace = Workspace.from_config()
for name, experiment, loss in {runs}:
    with Experiment(workspace, experiment).start_logging(run_id=name, snapshot_directory=None) as run:
        run.log("loss", loss)
        with open("weights.txt", "w") as file:
            file.write(name * 100)
        run.upload_file("outputs/weights.txt", "weights.txt")
"""


def make(shell: Shell, *runs: tuple[str, str, float]) -> None:
    program = _MAKE.format(runs=list(runs))
    made = subprocess.run(
        [sys.executable, "-c", program],
        cwd=shell.folder,
        env=shell.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr


def ids(shell: Shell, *words: str) -> list[str]:
    return sorted(run["run_id"] for run in shell.json("run", "list", *words))


@pytest.fixture
def project(terrazul: Shell) -> Shell:
    """A folder that is attached to a workspace."""
    assert terrazul("up").returncode == 0
    attached = terrazul("folder", "attach", "-w", "research")
    assert attached.returncode == 0, attached.stderr
    return terrazul


def test_runs_are_tagged_archived_and_deleted_by_a_filter(project: Shell):
    make(project, ("good-1", "vision/cats", 0.1), ("good-2", "vision/cats", 0.2), ("bad", "text", 0.9))
    asked = project("run", "tag", "--filter", "metric.loss < 0.5", "best=yes")
    assert asked.returncode == 2
    assert "Tag 2 runs? Nobody can be asked here." in asked.stderr
    assert project.json("run", "tag", "--filter", "metric.loss < 0.5", "best=yes", "--yes") == {"changed": 2}
    assert ids(project, "--filter", "tag.best = 'yes'") == ["good-1", "good-2"]
    assert project.json("run", "archive", "bad") == {"changed": 1}
    assert ids(project) == ["good-1", "good-2"]
    assert ids(project, "--view", "archived") == ["bad"]
    assert project.json("run", "reactivate", "--filter", "run_id = 'bad'", "-y") == {"changed": 1}

    found = project.json("run", "delete", "--filter", "metric.loss < 0.5", "--dry-run")
    assert (found["runs"], found["files"], found["bytes"]) == (2, 2, 1200)
    refused = project("run", "delete", "--filter", "metric.loss < 0.5")
    assert (refused.returncode, "2 runs, 2 files; 1.2 KiB will be free" in refused.stderr) == (2, True)
    done = project.json("run", "delete", "--filter", "metric.loss < 0.5", "--yes")
    assert (done["state"], done["runs"], done["freed_bytes"]) == ("Done", 2, 1200)
    assert ids(project) == ["bad"]
    assert project.json("run", "delete", "bad", "--file", "outputs", "--yes")["files"] == 1
    assert project.json("run", "files", "bad") == []


def test_experiments_in_folders(project: Shell):
    make(project, ("a", "vision/cats/small", 1), ("b", "vision/dogs", 1), ("c", "text", 1))
    folders = project.json("experiment", "folders")
    assert folders == [{"path": "vision", "experiment_count": 2, "run_count": 2}]
    assert [each["path"] for each in project.json("experiment", "folders", "--folder", "vision")] == ["vision/cats"]
    listed = project.json("experiment", "list", "--folder", "vision")
    assert sorted(each["name"] for each in listed) == ["vision/cats/small", "vision/dogs"]
    archived = project.json("experiment", "archive", "--folder", "vision", "--yes")
    assert len(archived) == 2
    assert [each["name"] for each in project.json("experiment", "list")] == ["text"]
    told = project.json("experiment", "update", "-n", "text", "--description", "notes", "--new-name", "language/text")
    assert (told["description"], told["name"]) == ("notes", "language/text")


def test_experiment_goes_with_its_runs_once_that_is_said(project: Shell):
    make(project, ("a", "going", 1))
    begin = "from azureml.core import *; Experiment(Workspace.from_config(), 'on').start_logging(run_id='going-on')"
    subprocess.run([sys.executable, "-c", begin], cwd=project.folder, env=project.environment, check=True)
    assert "run going-on is Running" in project("run", "delete", "going-on", "--dry-run").stdout
    held = project("run", "delete", "going-on", "--yes")
    assert (held.returncode, "terrazul run cancel going-on" in held.stderr) == (1, True)
    refused = project("experiment", "delete", "-n", "going", "--yes")
    assert (refused.returncode, "--with-runs" in refused.stderr) == (1, True)
    assert project.json("experiment", "delete", "-n", "going", "--dry-run")["bytes"] == 100
    done = project("experiment", "delete", "-n", "going", "--with-runs", "--yes")
    assert (done.returncode, done.stderr) == (0, "The experiment 'going' is deleted.\n")
    assert [each["name"] for each in project.json("experiment", "list", "--view", "all")] == ["on"]


def test_what_mlflow_deleted_is_restored_or_purged(project: Shell):
    make(project, ("a", "e", 1), ("b", "e", 1))
    program = """
import json, sys, urllib.request
from azureml.core import Workspace
workspace = Workspace.from_config()
for run_id in ("a", "b"):
    address = workspace.get_mlflow_tracking_uri() + "/api/2.0/mlflow/runs/delete"
    token = workspace.client.address.token
    headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
    body = json.dumps({"run_id": run_id}).encode()
    urllib.request.urlopen(urllib.request.Request(address, body, headers)).close()
"""
    subprocess.run([sys.executable, "-c", program], cwd=project.folder, env=project.environment, check=True)
    assert ids(project, "--view", "deleted") == ["a", "b"]
    assert project("run", "restore", "a").returncode == 0
    assert ids(project) == ["a"]
    assert project.json("purge", "--older-than", "30d", "--dry-run")["runs"] == 0
    assert project.json("purge", "--dry-run")["bytes"] == 100
    assert project.json("purge", "--yes")["freed_bytes"] == 100
    assert ids(project, "--view", "deleted") == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run", "delete"], "by an id, or by --filter"),
        (["run", "delete", "x", "--filter", "a = 1"], "by an id, or by --filter"),
        (["run", "tag", "--run", "x"], "No tag is given"),
        (["run", "delete", "--filter", "metric.loss ~ 1"], "filter"),
        (["run", "delete", "--filter", "metric.loss > 1000"], "No run meets the filter"),
        (["run", "delete", "nobody"], "There is no run 'nobody'"),
        (["purge", "--older-than", "soon"], "not a span of time"),
        (["experiment", "archive"], "--name or --folder"),
        (["model", "delete", "nothing", "--all-versions", "--yes"], "There is no model 'nothing'"),
    ],
)
def test_wrong_lines_are_told(shared_project: Shell, words: list[str], told: str):
    ended = shared_project(*words)
    assert ended.returncode in {2, 3}
    assert told in ended.stderr
    assert json.dumps(ended.stdout) == '""'
