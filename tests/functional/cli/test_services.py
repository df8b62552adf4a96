"""The verbs of web services, as a user's shell calls them."""

import json
import signal
import socket
from pathlib import Path

import pytest

from terrazul.testing.scoring import RunningService

from .conftest import TERRAZUL, Shell

pytestmark = pytest.mark.functional
_SCORE = """
import json, os
def init():
    global factor
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "factor.txt")) as file:
        factor = int(file.read())
def run(data):
    return [value * factor for value in json.loads(data)["data"]]
"""
_HERE = {"name": "here", "python": {"userManagedDependencies": True}}
_INFERENCE = {"entryScript": "score.py", "sourceDirectory": "source", "environment": _HERE}
_DEPLOYMENT = {
    "computeType": "ACI",
    "containerResourceRequirements": {"cpu": 1, "memoryInGB": 1},
    "authEnabled": True,
    "tags": {"team": "a"},
}


@pytest.fixture(scope="module")
def project(shared_project: Shell) -> Shell:
    folder = shared_project.folder
    (folder / "source").mkdir()
    (folder / "source/score.py").write_text(_SCORE)
    write(folder / "inferenceconfig.json", _INFERENCE)
    write(folder / "deploymentconfig.json", _DEPLOYMENT)
    for factor in (3, 4):
        (folder / "factor.txt").write_text(str(factor))
        shared_project.json("model", "register", "-n", "factor", "-p", "factor.txt")
    return shared_project


def write(file: Path, content: object) -> str:
    file.write_text(json.dumps(content))
    return str(file)


def test_model_is_deployed_called_changed_and_deleted(project: Shell, tmp_path: Path):
    deployed = project(
        "model", "deploy", "-n", "times", "-m", "factor:1", "--ic", "inferenceconfig.json", "--dc",
        "deploymentconfig.json", "--description", "A test",
    )  # fmt: skip
    assert deployed.returncode == 0, deployed.stderr
    assert "Healthy" in deployed.stdout
    again = project("model", "deploy", "-n", "times", "-m", "factor:1", "--ic", "inferenceconfig.json")
    assert (again.returncode, "Pass overwrite=True" in again.stderr or "--overwrite" in again.stderr) == (1, True)

    shown = project.json("service", "show", "-n", "times")
    assert (shown["state"], shown["auth_enabled"], shown["tags"]) == ("Healthy", True, {"team": "a"})
    assert [each["name"] for each in project.json("service", "list", "--model-name", "factor")] == ["times"]
    assert project.json("service", "list", "--tag", "team=b") == []
    (tmp_path / "rows.json").write_text('{"data": [1, 2]}')
    assert project.json("service", "run", "-n", "times", "-d", '{"data": [1]}') == [3]
    assert project.json("service", "run", "-n", "times", "-d", f"@{tmp_path / 'rows.json'}") == [3, 6]
    raised = project("service", "run", "-n", "times", "-d", "{}")
    assert (raised.returncode, "KeyError" in raised.stderr or "Response Code: 500" in raised.stderr) == (1, True)

    keys = project.json("service", "get-keys", "-n", "times")
    renewed = project.json("service", "regen-key", "-n", "times", "-k", "Primary")
    assert keys["primary"] != renewed["primary"]
    assert keys["secondary"] == renewed["secondary"]
    assert keys["primary"] not in project("service", "get-logs", "-n", "times").stdout
    assert len(project("service", "get-logs", "-n", "times", "-l", "2").stdout.splitlines()) == 2

    changed = project.json("service", "update", "-n", "times", "-m", "factor:2", "--add-tag", "stage=test")
    assert (changed["serving_revision"], changed["tags"]) == (2, {"team": "a", "stage": "test"})
    assert project.json("service", "run", "-n", "times", "-d", '{"data": [1]}') == [4]
    used = project("model", "delete", "factor:2", "--yes")
    assert (used.returncode != 0, "times" in used.stderr) == (True, True)
    assert project("service", "delete", "-n", "times", "--yes").stderr == "The web service times is deleted.\n"
    gone = project("service", "show", "-n", "times")
    assert (gone.returncode, "WebserviceNotFound" in gone.stderr) == (3, True)


def test_local_service_takes_options_in_the_place_of_files(project: Shell):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    dc = write(project.folder / "local.json", {"computeType": "local", "port": port})
    made = project.json(
        "model", "deploy", "-n", "near", "-m", "factor:1", "--ic", "inferenceconfig.json", "--dc", dc, "--no-wait"
    )
    assert (made["compute_type"], made["port"]) == ("LOCAL", port)
    assert project("service", "delete", "-n", "near", "--yes").returncode == 0


def test_deployment_that_fails_ends_with_its_traceback(project: Shell):
    (project.folder / "broken.py").write_text(
        "def init():\n    raise OSError('no weights')\ndef run(data):\n    pass\n"
    )
    ic = write(project.folder / "broken.json", {"entryScript": "broken.py", "environment": _HERE})
    ended = project("model", "deploy", "-n", "broken", "-m", "factor:1", "--ic", ic)
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr
    assert "no weights" in ended.stderr
    assert "Failed" in project("service", "show", "-n", "broken").stdout
    assert project("service", "delete", "-n", "broken", "--yes").returncode == 0


def test_entry_script_is_served_with_nothing_else_running(tmp_path: Path):
    keys = tmp_path / "keys"
    keys.write_text("opens\n")
    (tmp_path / "factor.txt").write_text("3")
    options = ("--model-dir", str(tmp_path), "--key-file", str(keys), "--worker-count", "2")
    service = RunningService(tmp_path / "source", _SCORE, *options, program=(TERRAZUL, "service", "serve"))
    try:
        assert service.score('{"data": [1]}').status == 401
        answer = service.score('{"data": [1, 2]}', {"Authorization": "Bearer opens"})
        assert (answer.status, json.loads(answer.body)) == (200, [3, 6])
        assert len(service.workers) == 2
    finally:
        assert service.stop(signal.SIGINT) == 0


def test_package_is_written(project: Shell, tmp_path: Path):
    target = tmp_path / "package"
    words = ["model", "package", "-m", "factor:1", "--ic", "inferenceconfig.json", "--output-path", str(target)]
    assert project(*words).returncode == 0
    assert (target / "app/azureml-models/factor/1/factor.txt").read_text() == "3"
    assert (target / "app/source/score.py").read_text() == _SCORE
    again = project(*words)
    assert (again.returncode, "is not empty" in again.stderr) == (2, True)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"computeType": "AKS"}, "the compute type 'AKS', which Terrazul does not have yet"),
        ({"computType": "ACI"}, "Did you mean `computeType`?"),
        ({"containerResourceRequirements": {"cpus": 1}}, "'cpus', which is not known"),
        ({"containerResourceRequirements": 3}, "is not an object"),
        ({"containerResourceRequirements": {"cpu": -1}}, "cpu_cores"),
        ({"computeType": "local", "port": 99999}, "is not a port"),
        ([], "is not a JSON object"),
    ],
)
def test_wrong_deployment_file_is_told(project: Shell, content: object, told: str):
    dc = write(project.folder / "wrong.json", content)
    ended = project("model", "deploy", "-n", "x-1", "-m", "factor:1", "--ic", "inferenceconfig.json", "--dc", dc)
    assert ended.returncode in {1, 2}
    assert told in ended.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["model", "deploy", "-n", "x-1"], "Neither a model nor an entry script is named"),
        (["model", "deploy", "-n", "x-1", "-m", "factor:1", "--ic", "nowhere.json"], "nowhere.json cannot be read"),
        (["model", "deploy", "-n", "x-1", "-m", "factor:9", "--ic", "inferenceconfig.json"], "has no version 9"),
        (["model", "deploy", "-n", "x-1", "-m", "factor:1"], "needs an entry script"),
        (["model", "deploy", "-n", "x-1", "-m", "factor:1", "--ct", "aks"], "no compute target 'aks'"),
        (["model", "deploy", "-n", "A B", "-m", "factor:1", "--ic", "inferenceconfig.json"], "service name"),
        (["service", "run", "-n", "nowhere", "-d", "{}"], "WebserviceNotFound"),
        (["service", "regen-key", "-n", "nowhere", "-k", "Third"], "Third"),
    ],
)
def test_wrong_line_is_told(project: Shell, words: list[str], told: str):
    ended = project(*words)
    assert ended.returncode in {1, 2, 3}
    assert told in ended.stderr
