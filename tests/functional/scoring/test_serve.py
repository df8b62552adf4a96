"""Serving with nothing else running: variables, options, exit codes, other interpreters, drivers."""

import importlib
import json
import os
import pickle
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from terrazul.testing.needs import needs_python
from terrazul.testing.scoring import RunningService, ask, serve_until_it_ends, wait_until

Serve = Callable[..., RunningService]

PLAIN = "def init(): pass\ndef run(data): return data"
WHERE = """
import os, sys
def init(): pass
def run(data):
    names = ("AZUREML_MODEL_DIR", "AML_APP_ROOT", "AZUREML_ENTRY_SCRIPT")
    return {**{name: os.environ.get(name) for name in names}, "cwd": os.getcwd(), "python": sys.version_info[:2],
            "argv": sys.argv, "path": sys.path}
"""


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Serve]:
    services: list[RunningService] = []

    def serve(script: str, *options: str, **variables: str) -> RunningService:
        services.append(RunningService(tmp_path / f"served{len(services)}", script, *options, variables=variables))
        return services[-1]

    yield serve
    for service in services:
        service.stop()


def test_the_script_sees_where_it_is(running: Serve):
    service = running(WHERE, "--model-dir", "models")
    found = json.loads(service.score().body)
    folder = str(service.folder)
    assert found["AZUREML_MODEL_DIR"] == f"{folder}/models"
    assert found["AML_APP_ROOT"] == found["cwd"] == folder
    assert found["AZUREML_ENTRY_SCRIPT"] == f"{folder}/score.py"
    assert found["argv"] == [f"{folder}/score.py"]
    assert folder in found["path"]
    assert not [each for each in found["path"] if each.endswith("scoring/worker")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_with_its_workers(running: Serve, number: signal.Signals):
    service = running(PLAIN, WORKER_COUNT="2")
    workers = service.workers
    assert len(workers) == 2
    assert service.stop(number) == 0
    assert "Traceback" not in service.log
    assert not [each for each in workers if each.is_running()]


def test_workers_die_with_a_killed_front(running: Serve):
    service = running(PLAIN, "--workers", "2")
    workers = service.workers
    service.stop(signal.SIGKILL)
    wait_until(lambda: not [each for each in workers if each.is_running() and each.status() != "zombie"])


def test_nothing_to_serve_is_1(tmp_path: Path):
    ended = serve_until_it_ends(tmp_path, "")
    assert ended.returncode == 1
    assert "--entry-script" in ended.stderr


@pytest.mark.parametrize(
    ("options", "variables", "told"),
    [
        (["--port", "99999"], {}, "99999"),
        (["--port", "x"], {}, "--port"),
        (["--worker-count", "0"], {}, "--worker-count"),
        ([], {"WORKER_COUNT": "many"}, "WORKER_COUNT is 'many'"),
        ([], {"SCORING_TIMEOUT_MS": "0"}, "SCORING_TIMEOUT_MS"),
        (["--nothing"], {}, "--nothing"),
        (["--python", "/nowhere/python"], {}, "/nowhere/python cannot be started"),
        (["--certificate", "none.pem"], {}, "none.pem"),
        (["--key-file", "none.txt"], {}, "none.txt"),
    ],
)
def test_lines_that_cannot_be_understood_are_told(
    tmp_path: Path, options: list[str], variables: dict[str, str], told: str
):
    ended = serve_until_it_ends(tmp_path, PLAIN, *options, variables=variables)
    assert ended.returncode == (3 if "/nowhere" in told else 1)
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_taken_port_is_told(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = serve_until_it_ends(tmp_path, PLAIN, "--port", str(port))
    assert ended.returncode == 1
    assert f"Port {port}" in ended.stderr


def test_only_this_machine_is_listened_to_unless_told(running: Serve):
    service = running(PLAIN)
    listening = [each.laddr.ip for each in _listeners(service)]
    assert listening == ["127.0.0.1"]
    assert [each.laddr.ip for each in _listeners(running(PLAIN, "--host", "0.0.0.0"))] == ["0.0.0.0"]  # noqa: S104  # asked for


def _listeners(service: RunningService):  # noqa: ANN202  # of psutil
    import psutil  # noqa: PLC0415  # used here alone

    return [each for each in psutil.Process(service.process.pid).net_connections() if each.status == "LISTEN"]


def test_configuration_file_stands_behind_the_environment(tmp_path: Path):
    tmp_path.joinpath("mine.json").write_text('{"SERVICE_NAME": "of the file", "SERVICE_VERSION": "of the file"}')
    service = RunningService(tmp_path, PLAIN, "--config-file", "mine.json", variables={"SERVICE_NAME": "outer"})
    try:
        information = json.loads(service.ask("GET", "/swagger.json").body)["info"]
        assert (information["title"], information["version"]) == ("outer", "of the file")
    finally:
        service.stop()


def test_own_logging_is_set_up(tmp_path: Path):
    handler = {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "mine"}
    content = {
        "version": 1, "formatters": {"mine": {"format": "MINE %(message)s"}}, "handlers": {"mine": handler},
        "root": {"handlers": ["mine"], "level": "INFO"},
    }  # fmt: skip
    tmp_path.joinpath("logging.json").write_text(json.dumps(content))
    script = "import logging\ndef init(): logging.info('begun')\ndef run(data): return data"
    service = RunningService(tmp_path, script)
    try:
        service.wait_for("MINE begun")
    finally:
        service.stop()


def test_source_directory_can_be_imported_from(tmp_path: Path):
    tmp_path.joinpath("parts").mkdir()
    tmp_path.joinpath("parts", "part.py").write_text("VALUE = 5")
    script = "import part\ndef init(): pass\ndef run(data): return part.VALUE"
    service = RunningService(tmp_path, script, variables={"AZUREML_SOURCE_DIRECTORY": "parts"})
    try:
        assert service.score().body == b"5"
    finally:
        service.stop()


@pytest.mark.parametrize("version", [(3, 8), (3, 13)])
def test_script_runs_on_the_interpreter_of_its_environment(running: Serve, version: tuple[int, int]):
    service = running(WHERE, "--python", needs_python(version))
    assert json.loads(service.score().body)["python"] == list(version)


def test_front_runs_on_the_oldest_python(tmp_path: Path):
    python = needs_python((3, 8))
    packages = tmp_path / "packages"
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--target", packages, "--python", python]
    done = subprocess.run([*command, "httptools"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not run: needs a package index with httptools for Python 3.8")
    tmp_path.joinpath("score.py").write_text(PLAIN)
    import terrazul  # noqa: PLC0415  # used here alone

    source = Path(terrazul.__file__).parents[1]
    process = subprocess.Popen(
        [python, "-m", "terrazul.scoring.serve", "--entry-script", "score.py", "--port", "0"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": f"{source}:{packages}"}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout
    try:
        found = None
        while not found:
            line = process.stdout.readline()
            assert line, "it ended"
            found = re.search(r":(\d+)/score", line)
        assert ask(int(found[1]), "POST", "/score", "abc").body == b'"abc"'
    finally:
        process.terminate()
        assert process.wait() == 0
        process.stdout.close()


def test_without_httptools_it_says_what_to_install(tmp_path: Path):
    python = needs_python((3, 13))
    import terrazul  # noqa: PLC0415  # used here alone

    source = Path(terrazul.__file__).parents[1]
    tmp_path.joinpath("score.py").write_text(PLAIN)
    command = [python, "-m", "terrazul.scoring.serve", "--entry-script", "score.py", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(source)}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert 'pip install "terrazul[scoring]"' in ended.stderr


def test_keys_and_owner_tokens_stay_out_of_the_script(running: Serve, tmp_path: Path):
    script = "import os\ndef init(): pass\ndef run(data): return dict(os.environ)"
    keys = tmp_path / "keys"
    keys.write_text("k1\nk2\n")
    service = running(script, "--key-file", str(keys), TERRAZUL_TOKEN="secret")
    assert service.score().status == 401
    answer = service.score("{}", {"Authorization": "Bearer k2"})
    assert answer.status == 200
    assert "secret" not in answer.body.decode()


def test_a_scikit_learn_model_needs_no_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tmp_path.joinpath("steps.py").write_text("class Steps:\n    def predict(self, rows): return rows.sum(axis=1) > 1")
    monkeypatch.syspath_prepend(str(tmp_path))
    model = importlib.import_module("steps").Steps()
    tmp_path.joinpath("models").mkdir()
    tmp_path.joinpath("models", "model.pkl").write_bytes(pickle.dumps(model))
    service = RunningService(tmp_path, "", "--driver", "sklearn", "--model-dir", "models", "--max-batch-size", "8")
    try:
        answer = service.score('{"data": [[0, 0], [2, 2]]}')
        assert json.loads(answer.body) == {"predict": [False, True]}
        assert service.score("{}").status == 500
        tensor = {"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [2, 2]}
        answer = service.ask("POST", "/v2/models/model/infer", json.dumps({"inputs": [tensor]}))
        assert json.loads(answer.body)["outputs"][0]["data"] == [True]
    finally:
        service.stop()


def test_a_driver_without_its_model_says_so(tmp_path: Path):
    tmp_path.joinpath("models").mkdir()
    ended = serve_until_it_ends(tmp_path, "", "--driver", "sklearn", "--model-dir", "models")
    assert ended.returncode == 3
    assert "A scikit-learn model is one file" in ended.stderr
