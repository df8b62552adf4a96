"""Submitted runs: from the source directory to the end of the script."""

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from terrazul.core.errors import ActivityFailedException, NotFound, RunConfigurationException
from terrazul.sdk.experiment import Experiment
from terrazul.sdk.run import ScriptRun
from terrazul.sdk.run_configuration import RunConfiguration
from terrazul.sdk.script_run_config import ScriptRunConfig, submit
from terrazul.sdk.workspace import Workspace

from .conftest import this_python

SCRIPT = """
import os, sys
from terrazul import Run
run = Run.get_context()
assert run is Run.get_context()
print("arguments", sys.argv[1:])
for number in range(3):
    run.log("accuracy", number / 2, step=number)
child = run.child_run("fold")
child.log("x", 1)
child.complete()
run.tag("from", "inside")
os.makedirs("outputs", exist_ok=True)
with open("outputs/model.txt", "w") as file:
    file.write("weights")
with open("notes.txt", "w") as file:
    file.write("notes")
run.upload_file("notes.txt", "notes.txt")
print("experiment", run.experiment.name, run.experiment.workspace.name, run.experiment.id)
print("metrics", run.get_metrics())
run.complete()
"""


@pytest.fixture
def code(person: Path) -> Path:
    (person / "code").mkdir()
    (person / "code/train.py").write_text(SCRIPT)
    return person / "code"


def configuration(code: Path, **more: Any) -> ScriptRunConfig:
    return ScriptRunConfig(str(code), **{"script": "train.py", "environment": this_python(), **more})


def test_script_runs_and_is_tracked(experiment: Experiment, code: Path, capsys: pytest.CaptureFixture[str]):
    run = experiment.submit(configuration(code, arguments=["--alpha", 0.5]), tags={"a": 1}, display_name="mine")
    assert isinstance(run, ScriptRun)
    assert run.id.startswith(experiment.name[:20])
    details = run.wait_for_completion(show_output=True)
    output = capsys.readouterr().out
    assert output.startswith(f"RunId: {run.id}\nWeb View: {run.get_portal_url()}\n")
    header = "\nStreaming azureml-logs/70_driver_log.txt\n========================================\n\n"
    assert header + "arguments ['--alpha', '0.5']\n" in output
    assert f"Execution Summary\n=================\nRunId: {run.id}\n" in output
    assert output.index("65_job_prep_log") < output.index("70_driver_log") < output.index("75_job_post_log")
    assert output.count("Streaming azureml-logs/70_driver_log.txt") == 1
    assert f"experiment {experiment.name} work {experiment.id}" in output
    assert "metrics {'accuracy': [0.0, 0.5, 1.0]}" in output

    assert details["status"] == run.status == "Completed"
    assert details["runDefinition"]["arguments"] == ["--alpha", "0.5"]
    assert details["runDefinition"]["environment"]["python"]["interpreterPath"] == sys.executable
    assert details["properties"]["ContentSnapshotId"] == run.get_snapshot_id()
    assert run.tags == {"a": "1", "from": "inside"}
    assert run.display_name == "mine"
    assert run.get_metrics() == {"accuracy": [0.0, 0.5, 1.0]}
    assert [(child.name, child.status, child.get_metrics()) for child in run.get_children()] == [
        ("fold", "Completed", {"x": 1})
    ]
    assert {"notes.txt", "outputs/model.txt", "azureml-logs/70_driver_log.txt"} <= set(run.get_file_names())
    assert "arguments" in run.get_details_with_logs()["logFiles"]["azureml-logs/70_driver_log.txt"]
    assert run.get_environment().name == "this-python"
    run.download_file("outputs/model.txt")
    assert Path("model.txt").read_text() == "weights"
    assert "75_job_post_log.txt" in {Path(path).name for path in run.get_all_logs("logs")}
    assert [step["status"] for step in run.get_detailed_status()["details"] if step["status"]][-1] == "Completed"


def test_first_line_is_on_the_screen_within_a_second(
    experiment: Experiment, code: Path, monkeypatch: pytest.MonkeyPatch
):
    (code / "train.py").write_text("import time\nprint('now', time.time(), flush=True)\ntime.sleep(2)\nprint('end')")
    shown = {}

    class Screen:
        def write(self, text: str) -> int:
            for line in text.splitlines():
                shown.setdefault(line.split(" ")[0], (time.time(), line))
            return len(text)

        def flush(self) -> None:
            pass

    monkeypatch.setattr(sys, "stdout", Screen())
    experiment.submit(configuration(code)).wait_for_completion(show_output=True)
    seen, line = shown["now"]
    assert seen - float(line.split(" ")[1]) < 1
    assert shown["end"][0] - seen > 1


def test_failure_is_raised_with_what_mends_it(experiment: Experiment, code: Path):
    (code / "train.py").write_text("import nowhere")
    with pytest.raises(ActivityFailedException) as caught:
        experiment.submit(configuration(code)).wait_for_completion()
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("Add nowhere to the environment's packages. See azureml-logs/70")


def test_failure_is_raised_with_its_cause(experiment: Experiment, code: Path, capsys: pytest.CaptureFixture[str]):
    (code / "train.py").write_text("raise ValueError('boom')")
    run = experiment.submit(configuration(code))
    with pytest.raises(ActivityFailedException, match="ValueError: boom") as caught:
        run.wait_for_completion()
    assert caught.value.hint == "See azureml-logs/70_driver_log.txt of the run."
    assert json.loads(caught.value.error_details)["error"]["code"] == "UserError"
    assert run.wait_for_completion(raise_on_error=False)["status"] == "Failed"
    assert "ValueError: boom" in run.get_details()["error"]["error"]["message"]
    capsys.readouterr()
    run.wait_for_completion(show_output=True, raise_on_error=False)
    assert '"message": "The script failed with ValueError: boom."' in capsys.readouterr().out


def test_canceled_run_ends(experiment: Experiment, code: Path):
    (code / "train.py").write_text("import time\nprint('up', flush=True)\ntime.sleep(60)")
    run = experiment.submit(configuration(code))
    waiting = threading.Thread(target=run.wait_for_completion)
    waiting.start()
    run.cancel()
    waiting.join(30)
    assert run.get_status() == "Canceled"


def test_command_runs_in_the_shell(experiment: Experiment, code: Path):
    run = experiment.submit(configuration(code, script=None, command="echo one > outputs/x.txt && echo two"))
    run.wait_for_completion()
    assert "outputs/x.txt" in run.get_file_names()


def test_run_configuration_of_a_file_is_submitted(experiment: Experiment, code: Path, workspace: Workspace):
    saved = RunConfiguration(script="train.py", arguments=["--x"])
    saved.environment = this_python()
    saved.save(str(code), "mine")
    loaded = RunConfiguration.load(str(code), "mine")
    run = submit(ScriptRunConfig(str(code), run_config=loaded), workspace, experiment.name, run_id="given-id")
    assert run.id == "given-id"
    assert run.wait_for_completion()["runDefinition"]["arguments"] == ["--x"]


def test_children_are_submitted_below_a_run(experiment: Experiment, code: Path):
    parent = experiment.start_logging()
    child = parent.submit_child(configuration(code))
    assert child.parent.id == parent.id
    assert [run.id for run in parent.get_children()] == [child.id]
    child.wait_for_completion()


def test_script_finds_its_workspace_and_submits_children(experiment: Experiment, code: Path, workspace: Workspace):
    workspace.write_config(str(code))
    (code / "child.py").write_text("from terrazul import Run\nRun.get_context().log('c', 2)")
    (code / "train.py").write_text(
        f"""
import sys
from terrazul import Environment, Experiment, Run, ScriptRunConfig, Workspace
run = Run.get_context()
workspace = Workspace.from_config()
run.tag("location", workspace.location)
run.tag("experiment", Experiment(workspace, {experiment.name!r}).id)
environment = Environment("x")
environment.python.user_managed_dependencies = True
environment.python.interpreter_path = sys.executable
child = run.submit_child(ScriptRunConfig(".", "child.py", environment=environment))
child.wait_for_completion()
run.log("of the child", child.get_metrics()["c"])
"""
    )
    run = experiment.submit(configuration(code))
    run.wait_for_completion()
    assert run.tags == {"location": "local", "experiment": experiment.id}
    assert run.get_metrics() == {"of the child": 2}
    assert [child.type for child in run.get_children()] == ["azureml.scriptrun"]


def test_what_is_wrong_is_told_before_anything_is_sent(experiment: Experiment, code: Path):
    with pytest.raises(RunConfigurationException, match=r"nothing\.py.* is not in the source directory"):
        experiment.submit(configuration(code, script="nothing.py"))
    assert list(experiment.get_runs()) == []


def test_interactive_run_has_no_environment(experiment: Experiment):
    with pytest.raises(NotFound, match="was not submitted"):
        experiment.start_logging().get_environment()


def test_interrupt_ends_the_showing_and_not_the_run(experiment: Experiment, code: Path, workspace: Workspace):
    (code / "train.py").write_text("import time\nprint('up', flush=True)\ntime.sleep(60)")
    run = experiment.submit(configuration(code))
    program = f"""
from terrazul import Workspace
Workspace("subscription", "group", "work").get_run({run.id!r}).wait_for_completion(show_output=True)
"""
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as follower:
        assert follower.stdout
        assert any(line == "up\n" for line in follower.stdout)
        follower.send_signal(signal.SIGINT)
        _, errors = follower.communicate(timeout=20)
    assert "ExperimentExecutionException: The output streaming for the run interrupted." in errors
    assert workspace.get_run(run.id).status == "Running"
    run.cancel()
    assert run.wait_for_completion()["status"] == "Canceled"
