"""v1's verbs against a real server and, for submitted runs, a real runner."""

import json
import signal
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from terrazul.sdk import yaml_text

from .conftest import TERRAZUL, Shell

pytestmark = pytest.mark.functional

_SCRIPT = """
import sys
from pathlib import Path
from azureml.core import Run
run = Run.get_context()
for step in range(3):
    run.log("loss", 1 / (step + 1), step=step)
run.child_run("part").complete()
Path("outputs/model.txt").write_text("weights")
print("alpha is", sys.argv[1:], flush=True)
if "--fail" in sys.argv:
    raise ValueError("no such luck")
"""
_WAITING = "import time\nprint('waiting', flush=True)\ntime.sleep(600)\n"


@pytest.fixture
def project(terrazul: Shell) -> Shell:
    """A folder with scripts, attached to a workspace of a running server, run by this interpreter."""
    (terrazul.folder / "train.py").write_text(_SCRIPT)
    (terrazul.folder / "wait.py").write_text(_WAITING)
    assert terrazul("up").returncode == 0
    attached = terrazul("folder", "attach", "-w", "research")
    assert attached.returncode == 0, attached.stderr
    return terrazul


def submitted(project: Shell, *words: str) -> dict[str, Any]:
    run: dict[str, Any] = project.json("run", "submit-script", "-c", "local", *words, "train.py", "--alpha", "1")
    return run


def test_folder_attach_writes_what_v1_writes_and_spares_what_is_there(terrazul: Shell):
    terrazul("up")
    (terrazul.folder / ".amlignore").write_text("mine\n")
    attached = terrazul.json("folder", "attach", "-w", "research", "-g", "group", "--subscription-id", "sub")
    assert json.loads((terrazul.folder / ".azureml/config.json").read_text()) == {
        "subscription_id": "sub",
        "resource_group": "group",
        "workspace_name": "research",
    }
    assert (terrazul.folder / ".amlignore").read_text() == "mine\n"
    for name in attached["written"]:
        assert (terrazul.folder / name).exists()
    local = yaml_text.load((terrazul.folder / ".azureml/local.runconfig").read_text())
    assert local["environment"]["python"]["userManagedDependencies"] is True
    changed = (terrazul.folder / ".azureml/local.runconfig").read_text() + "# mine\n"
    (terrazul.folder / ".azureml/local.runconfig").write_text(changed)
    assert terrazul.json("folder", "attach", "-w", "other")["written"] == [".azureml/config.json"]
    assert (terrazul.folder / ".azureml/local.runconfig").read_text() == changed


def test_workspaces_are_made_listed_changed_and_deleted(terrazul: Shell):
    terrazul("up")
    assert "workspace create" in terrazul("workspace", "list").stderr
    made = terrazul.json("workspace", "create", "-w", "research", "-g", "lab", "--tags", "team=x", "cheap")
    assert (made["resource_group"], made["tags"]) == ("lab", {"team": "x", "cheap": ""})
    assert terrazul("workspace", "create", "-w", "research", "-g", "lab").returncode == 1
    assert terrazul("workspace", "create", "-w", "research", "-g", "lab", "--exist-ok").returncode == 0
    terrazul("workspace", "create", "-w", "research", "-g", "other")
    assert len(terrazul.json("workspace", "list")) == 2
    assert "Several workspaces are called 'research'" in terrazul("workspace", "show", "-w", "research").stderr
    changed = terrazul.json("workspace", "update", "-w", "Research", "-g", "lab", "--description", "x")
    assert (changed["description"], changed["tags"]) == ("x", made["tags"])
    refused = terrazul("workspace", "delete", "-w", "research", "-g", "lab")
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert terrazul("workspace", "delete", "-w", "research", "-g", "lab", "--yes").returncode == 0
    assert len(terrazul.json("workspace", "list")) == 1
    missing = terrazul("workspace", "show", "-w", "reserch")
    assert missing.returncode == 3
    assert "Did you mean `research`?" in missing.stderr
    assert "--role" in terrazul("workspace", "share", "-w", "research").stderr


def test_submitted_script_is_followed_and_found_again(project: Shell):
    words = ["-e", "diabetes", "-c", "local", "-t", "run.json", "train.py", "--alpha", "0.5"]
    ended = project("run", "submit-script", *words)
    assert ended.returncode == 0, ended.stderr
    assert "alpha is ['--alpha', '0.5']" in ended.stdout
    told = json.loads((project.folder / "run.json").read_text())
    assert told["experimentName"] == "diabetes"
    run = project.json("run", "show", told["runId"])
    assert (run["state"], run["experiment_name"]) == ("Completed", "diabetes")
    assert told["runId"] in project("run", "list").stdout
    assert [each["name"] for each in project.json("experiment", "list")] == ["diabetes"]

    loss = project.json("run", "metrics", "-r", told["runId"], "--name", "loss")[0]
    assert (loss["count"], loss["values"], loss["steps"]) == (3, [1.0, 0.5, 1 / 3], [0, 1, 2])
    assert "loss    scalar  3" in project("run", "metrics", told["runId"]).stdout
    assert [child["state"] for child in project.json("run", "children", told["runId"])] == ["Completed"]

    updated = project.json(
        "run", "update", "-r", told["runId"], "--add-tag", "quality=fantastic run", "--display-name", "best"
    )
    assert (updated["tags"]["quality"], updated["display_name"]) == ("fantastic run", "best")
    query = "[?tags.quality=='fantastic run'].run_id"
    assert project("run", "list", "--query", query, "-o", "tsv").stdout.strip() == told["runId"]
    assert project.json("run", "list", "--tags", "quality=poor") == []
    best = project.json(
        "run", "list", "--filter", "metric.loss < 0.5 AND NOT status = 'FAILED'", "--order-by", "created"
    )
    assert [each["run_id"] for each in best] == [told["runId"]]
    assert project.json("run", "list", "--filter", "metric.loss > 0.5") == []
    assert "quality" not in project.json("run", "update", told["runId"], "--remove-tag", "quality")["tags"]

    logs = project.json("run", "download-logs", told["runId"], "-d", "logs-of-it")
    assert any("alpha is" in Path(project.folder, log).read_text() for log in logs)
    restored = project.json("run", "restore-snapshot", told["runId"], "-d", "restored")
    with zipfile.ZipFile(project.folder / restored) as archive:
        assert "train.py" in archive.namelist()


def test_answer_of_a_followed_run_stands_alone_for_programs(project: Shell):
    run = submitted(project, "-e", "diabetes")
    assert run["state"] == "Completed"
    assert run["tags"] == {}


def test_run_that_fails_says_why_and_ends_with_one(project: Shell):
    ended = project("run", "submit-script", "-c", "local", "train.py", "--fail")
    assert ended.returncode == 1
    assert "no such luck" in ended.stderr.splitlines()[-1]
    assert "70_driver_log.txt" in ended.stderr.splitlines()[-1]
    run = project.json("run", "list", "--status", "Failed")[0]
    assert "no such luck" in project("run", "show", run["run_id"]).stdout
    assert project("run", "monitor-logs", run["run_id"]).returncode == 1


def test_run_that_is_left_outlives_the_server_is_followed_and_canceled(project: Shell):
    port = project.json("status")["url"].rpartition(":")[2]
    left = project.json("run", "submit-script", "-c", "local", "--async", "wait.py")
    command = [TERRAZUL, "run", "monitor-logs", left["run_id"]]
    with subprocess.Popen(
        command, cwd=project.folder, env=project.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as following:
        try:
            assert following.stdout
            assert any("waiting" in line for line in following.stdout)
            following.send_signal(signal.SIGINT)
            _output, errors = following.communicate(timeout=30)
        finally:
            following.kill()
    assert following.returncode == 130
    assert f"terrazul run cancel {left['run_id']}" in errors
    assert "1 run goes on and reports when it is up again." in project("down").stdout
    assert project("up", "--port", port).returncode == 0
    assert project("run", "cancel", left["run_id"]).returncode == 0
    assert project("run", "monitor-logs", left["run_id"]).returncode == 1
    assert project.json("run", "show", left["run_id"])["state"] == "Canceled"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["run", "submit-script"], 2, "No script is named."),
        (["run", "submit-script", "-c", "lcal", "train.py"], 1, "lcal"),
        (["run", "submit-script", "-d", "missing.yml", "train.py"], 2, "missing.yml"),
        (["run", "submit-script", "--source-directory", "nowhere", "train.py"], 2, "nowhere is not a folder"),
        (["run", "submit-script", "-c", "local", "trian.py"], 1, "trian.py"),
        (["run", "show", "nobody"], 3, "There is no run 'nobody'"),
        (["run", "show", "../x"], 2, "not valid"),
        (["run", "show"], 2, "No run is named."),
        (["run", "show", "a", "-r", "b"], 2, "Two runs are named"),
        (["run", "children", "nobody"], 3, "nobody"),
        (["run", "metrics", "nobody"], 3, "nobody"),
        (["run", "cancel", "nobody"], 3, "nobody"),
        (["run", "update", "nobody", "--add-tag", "a=b"], 3, "nobody"),
        (["run", "download-logs", "nobody"], 3, "nobody"),
        (["run", "list", "-e", "diabtes"], 3, "There is no experiment 'diabtes'"),
        (["run", "list", "--filter", "metric.loss <"], 2, "position 14: expected a number for metric.loss"),
        (["run", "list", "--order-by", "metric.loss DOWN"], 2, "position 13: expected ASC, DESC or the end"),
        (["run", "list", "--status", "failed"], 2, "Did you mean `Failed`?"),
        (["run", "lst"], 2, "Did you mean `list`?"),
        (["experiment", "show", "-n", "diabtes"], 3, "There is no experiment"),
        (["environment", "show", "-n", "nothing"], 3, "There is no environment 'nothing'"),
        (["environment", "register", "-d", "nowhere"], 2, "nowhere is not a folder"),
        (["environment", "register", "-d", "."], 2, "holds no environment"),
        (["folder", "attach", "-w", "x"], 2, "The workspace name 'x' is not valid."),
        (["folder", "attach", "-w", "fine", "--path", "nowhere"], 2, "nowhere is not a folder"),
    ],
)
def test_mistakes_are_told_in_a_sentence(shared_project: Shell, words: list[str], code: int, told: str):
    ended = shared_project(*words)
    assert ended.returncode == code, ended.stderr
    assert told in ended.stderr
    assert ended.stderr.startswith("error: ")
    assert "Traceback" not in ended.stderr


def test_group_without_a_verb_shows_its_verbs(shared_project: Shell):
    ended = shared_project("run")
    assert ended.returncode == 2
    assert "monitor-logs" in ended.stdout


def test_experiments_are_archived_and_brought_back(project: Shell):
    submitted(project, "-e", "diabetes")
    assert project("experiment", "archive", "-n", "diabetes").returncode == 0
    assert project.json("experiment", "list") == []
    assert [each["name"] for each in project.json("experiment", "list", "--view", "all")] == ["diabetes"]
    assert project("experiment", "reactivate", "-e", "diabetes").returncode == 0
    refused = project("experiment", "delete", "-n", "diabetes", "--yes")
    assert refused.returncode == 1
    assert "archive" in refused.stderr


def test_environments_are_scaffolded_registered_and_downloaded(project: Shell):
    assert project("environment", "scaffold", "-n", "tools", "-d", "first").returncode == 0
    assert project("environment", "scaffold", "-n", "tools", "-d", "first").returncode == 2
    assert project.json("environment", "register", "-d", "first")["version"] == "1"
    assert project.json("environment", "register", "-d", "first")["version"] == "1"
    conda = project.folder / "first" / "conda_dependencies.yml"
    conda.write_text(conda.read_text().replace("azureml-defaults", "azureml-defaults\n  - numpy"))
    assert project.json("environment", "register", "-d", "first")["version"] == "2"
    assert "numpy" in project("environment", "show", "-n", "tools").stdout
    assert "numpy" not in project("environment", "show", "-n", "tools", "-v", "1").stdout
    assert len(project.json("environment", "list")) == 1
    assert len(project.json("environment", "list", "-n", "tools")) == 2
    assert project("environment", "download", "-n", "tools", "-d", "second").returncode == 0
    assert project.json("environment", "register", "-d", "second")["version"] == "2"
    missing = project("environment", "show", "-n", "tools", "-v", "9")
    assert (missing.returncode, "It has: 2, 1." in missing.stderr) == (3, True)


def test_only_workspace_is_taken_without_being_named(terrazul: Shell):
    terrazul("up")
    nothing = terrazul("run", "list")
    assert nothing.returncode == 2
    assert "terrazul folder attach" in nothing.stderr
    terrazul("workspace", "create", "-w", "research")
    assert terrazul("run", "list").returncode == 0
    terrazul("workspace", "create", "-w", "second")
    unclear = terrazul("run", "list")
    assert unclear.returncode == 2
    assert "research, second" in unclear.stderr
