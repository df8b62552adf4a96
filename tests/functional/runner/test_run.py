"""A run from its submission to its end, by a real runner under a real server."""

import json
import sys
from pathlib import Path

import pytest

from terrazul.node.environment import interpreter
from terrazul.testing.server import RunningServer
from terrazul.testing.submission import Submitter

PHASES = ["prepare snapshot", "prepare environment", "start script", "run", "upload outputs"]
STATES = ["NotStarted", "Queued", "Preparing", "Starting", "Running", "Finalizing", "Completed"]


def test_script_runs_and_everything_arrives(submit_shared: Submitter):
    run = submit_shared(
        "import os, sys, lib.part\n"
        "print('to stdout', sys.argv[1:]); print('to stderr', file=sys.stderr)\n"
        "os.makedirs('outputs/deep'); open('outputs/deep/model.bin', 'wb').write(bytes(range(256)) * 10000)\n"
        "open('outputs/empty', 'w'); open('logs/own.txt', 'w').write('own')",
        files={"lib/part.py": b"print('imported')"},
        arguments=["--alpha", "0.5", ""],
    )
    ended = run.wait()
    assert (ended["state"], ended["error"], ended["warnings"]) == ("Completed", None, [])
    assert run.log().splitlines() == ["imported", "to stdout ['--alpha', '0.5', '']", "to stderr"]
    assert {"outputs/deep/model.bin", "outputs/empty", "logs/own.txt"} <= set(run.files)
    assert run.file("outputs/deep/model.bin") == bytes(range(256)) * 10000
    assert run.file("logs/own.txt") == b"own"
    events = run.get("/events")
    assert [event["state"] for event in events if event["state"]] == STATES
    assert [event["phase"] for event in events if event["phase"]] == PHASES
    assert "prepare snapshot: done in" in run.log("65_job_prep_log.txt")
    assert "upload outputs: done in" in run.log("75_job_post_log.txt")


def test_script_finds_v1s_variables_and_none_of_ours(submit_shared: Submitter):
    run = submit_shared(
        "import json, os, sys\njson.dump([dict(os.environ), sys.argv, sys.path], open('outputs/seen.json', 'w'))",
        environment={"user_managed": True, "environment_variables": {"A": "environment", "B": "environment"}},
        environment_variables={"B": "run", "AZUREML_RUN_ID": "forged", "PYTHONPATH": "/mine"},
    )
    assert run.wait()["state"] == "Completed"
    seen, argv, path = json.loads(run.file("outputs/seen.json"))
    assert (seen["A"], seen["B"], seen["AZUREML_RUN_ID"]) == ("environment", "run", run.run_id)
    assert seen["AZUREML_SERVICE_ENDPOINT"].startswith("http://127.0.0.1:")
    assert seen["MLFLOW_TRACKING_URI"] == seen["AZUREML_SERVICE_ENDPOINT"] + run.workspace + "/mlflow"
    assert [name for name in seen if name.startswith("TERRAZUL")] == []
    sdk = seen["PYTHONPATH"].split(":")[0]
    assert seen["PYTHONPATH"].endswith(":/mine")
    assert path[1] == sdk
    token = seen["AZUREML_RUN_TOKEN"]
    assert token not in str(argv)
    logs = "".join(run.log(name) for name in ("65_job_prep_log.txt", "70_driver_log.txt", "75_job_post_log.txt"))
    assert token not in logs


def test_sdk_is_importable_first_and_alone(submit_shared: Submitter):
    run = submit_shared(
        "import os, terrazul.core.version, terrazul.wire.codec, terrazul\n"
        "root = os.environ['PYTHONPATH'].split(':')[0]\n"
        "assert terrazul.__file__.startswith(root), terrazul.__file__\n"
        "print(sorted(os.listdir(os.path.join(root, 'terrazul'))))"
    )
    assert run.wait()["state"] == "Completed"
    assert "server" not in run.log()
    assert "'wire'" in run.log()


def test_shell_command_and_command_list(submit_shared: Submitter):
    shell = submit_shared(command=["echo one && python -c 'print(2)' | cat"], command_is_shell=True, files={"x": b"x"})
    plain = submit_shared(command=["echo", "$HOME", "&&"], arguments=["last"], files={"x": b"x"})
    assert shell.wait()["state"] == "Completed"
    assert shell.log() == "one\n2\n"
    assert plain.wait()["state"] == "Completed"
    assert plain.log() == "$HOME && last\n"


@pytest.mark.alone
def test_waiting_run_begins_as_soon_as_another_ends(tmp_path: Path):
    server = RunningServer(tmp_path, "--concurrent-runs", "1")
    server.start()
    submitter = Submitter(server)
    try:
        runs = [submitter("pass") for _ in range(5)]
        for run in runs:
            run.wait()
    finally:
        submitter.close()
        server.stop()
    folders = [run.folder for run in runs]
    launched = [(folder / "job.json").stat().st_mtime for folder in folders]
    told_of_end = [(folder / "delivered").stat().st_mtime for folder in folders]
    pauses = [max(0.0, after - before) for before, after in zip(told_of_end[:-1], launched[1:], strict=True)]
    assert sum(pauses) < 0.6  # a dispatcher that only looks each second needs about two seconds


def test_program_that_is_not_there_is_told(submit_shared: Submitter):
    run = submit_shared(command=["tarin", "--alpha"], files={"x": b"x"})
    error = run.wait()["error"]
    assert error["message"] == "A command was not found: tarin: No such file or directory"
    assert (error["exit_code"], run.log()) == (127, "tarin: No such file or directory\n")


@pytest.mark.parametrize(
    ("script", "message", "hint"),
    [
        ("trian.py", "'trian.py' is not in the snapshot", "train.py"),
        ("other/train.py", "'other/train.py' is not in the snapshot", "There is train.py"),
        ("-c", "'-c' is not in the snapshot", "train.py"),
    ],
)
def test_script_that_is_not_there_is_told(submit_shared: Submitter, script: str, message: str, hint: str):
    error = submit_shared("print(1)", script=script).wait()["error"]
    assert message in error["message"]
    assert hint in error["hint"]
    assert error["code"] == "UserError"


def test_script_named_like_an_option_is_a_script(submit_shared: Submitter):
    run = submit_shared(script="-c", files={"-c": b"print('run as a file')"}, arguments=["print('run as code')"])
    assert run.wait()["state"] == "Completed"
    assert run.log() == "run as a file\n"


@pytest.mark.parametrize(
    ("script", "message", "line"),
    [
        ("print('x')\nimport not_there_at_all", "imports not_there_at_all, which the environment does not have", 5),
        ("raise ValueError('what a pity')", "ValueError: what a pity", 4),
        ("import sys; print('a'); sys.exit(7)", "exit code 7", 1),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "out of memory", None),
        ("def f(:\n  pass", "not valid Python", None),
    ],
)
def test_failure_says_its_cause(submit_shared: Submitter, script: str, message: str, line: int | None):
    ended = submit_shared(script).wait()
    assert ended["state"] == "Failed"
    assert message in ended["error"]["message"]
    assert ended["error"]["log_path"] == "azureml-logs/70_driver_log.txt"
    if line:
        assert ended["error"]["log_line"] == line


def test_outputs_that_cannot_be_kept_are_told(submit_shared: Submitter):
    run = submit_shared(
        "import os\n"
        "open('outputs/real', 'w').write('x'); os.symlink('real', 'outputs/inside')\n"
        "os.symlink('/etc/passwd', 'outputs/outside'); os.symlink('/etc', 'outputs/folder')\n"
        "os.symlink('nowhere', 'outputs/dangling'); os.mkfifo('outputs/fifo')\n"
        "open(b'outputs/\\xff', 'w').write('x'); open('outputs/back\\\\slash', 'w').write('x')\n"
    )
    ended = run.wait()
    assert ended["state"] == "Completed"
    assert {path for path in run.files if path.startswith("outputs/")} == {"outputs/real", "outputs/inside"}
    told = "\n".join(ended["warnings"])
    for name in ("outside", "folder", "dangling", "fifo", "udcff", "slash"):
        assert name in told


def test_rewritten_log_arrives_as_it_is_at_the_end(submit_shared: Submitter):
    run = submit_shared(
        "import time\n"
        "for text in ('a' * 1000, 'b' * 2000, 'c' * 3000):\n"
        "    open('logs/summary.txt', 'w').write(text); time.sleep(0.7)\n"
        "open('logs/grows.txt', 'a').write('x')"
    )
    assert run.wait()["state"] == "Completed"
    assert run.file("logs/summary.txt") == b"c" * 3000
    assert run.files.count("logs/summary.txt") == 1


def test_too_long_run_is_ended(submit_shared: Submitter):
    run = submit_shared("import time; print('on', flush=True); time.sleep(600)", max_run_duration_seconds=1)
    ended = run.wait(30)
    assert ended["state"] == "Failed"
    assert "max_run_duration_seconds" in ended["error"]["message"]
    assert run.log() == "on\n"


OLDER = [each for each in interpreter.installed() if each.version != sys.version_info[:2]]


@pytest.mark.parametrize("python", OLDER, ids=[each.version_text for each in OLDER])
def test_script_runs_on_another_python(submit_shared: Submitter, python: interpreter.Interpreter):
    run = submit_shared(
        "import sys, terrazul.wire.codec; print('%d.%d' % sys.version_info[:2])",
        environment={"user_managed": True, "interpreter_path": python.path},
    )
    assert run.wait()["state"] == "Completed", run.log()
    assert run.log().strip() == python.version_text


def test_interpreter_that_is_not_there_is_told(submit_shared: Submitter):
    environment = {"user_managed": True, "interpreter_path": "/nowhere/python9"}
    error = submit_shared("print(1)", environment=environment).wait()["error"]
    assert "/nowhere/python9" in error["message"]
    assert sys.executable.rpartition("/")[0] in error["hint"] or "Found here" in error["hint"]


def test_folders_are_freed_when_all_is_delivered(submit_shared: Submitter):
    run = submit_shared("print(1)")
    run.wait()
    assert not (run.folder / "work").exists()
    assert (run.folder / "journal").stat().st_mode & 0o077 == 0
