"""The SDK travels: it works on Python 3.8 with nothing installed, warnings being errors."""

import json
import subprocess
from pathlib import Path

import terrazul
from terrazul.testing.needs import needs_python
from terrazul.testing.server import RunningServer

SOURCE = Path(terrazul.__file__).parent.parent
IMPORT_ALL = """
import importlib, pkgutil, sys
import azureml, terrazul.core, terrazul.wire, terrazul.sdk, terrazul.cli, terrazul.compatibility
for package in (azureml, terrazul.core, terrazul.wire, terrazul.sdk, terrazul.cli, terrazul.compatibility):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not found.name.endswith("__main__"):
            try:
                importlib.import_module(found.name)
            except ModuleNotFoundError as problem:  # raw requests are Flask's: who has none, serves none
                assert (found.name, problem.name) == ("terrazul.sdk.raw_exchange", "flask")
print(len([name for name in sys.modules if name.startswith(("azureml", "terrazul"))]))
"""
USE = """
import json
from azureml.core import Experiment, Workspace
workspace = Workspace.create("oldest", subscription_id="s", resource_group="r", show_output=False)
run = Experiment(workspace, "old").start_logging(snapshot_directory=None)
with run:
    run.log("loss", 0.5, step=1)
    run.log_row("row", a=1, b="x")
    child = run.child_run("child")
    child.log_list("list", [1, 2, 3])
    child.complete()
    run.upload_file("here.py", __file__)
print(json.dumps([run.get_metrics(), run.get_status(), run.get_file_names(), child.get_metrics()]))
"""


def _run(python: str, program: Path, **variables: str) -> str:
    environment = {"PYTHONPATH": str(SOURCE), "PATH": "/usr/bin:/bin", **variables}
    command = [python, "-W", "error", str(program)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_imports(tmp_path: Path):
    program = tmp_path / "import_all.py"
    program.write_text(IMPORT_ALL)
    assert int(_run(needs_python((3, 8)), program)) > 300


def test_interactive_run(shared_server: RunningServer, tmp_path: Path):
    program = tmp_path / "use.py"
    program.write_text(USE)
    shown = json.loads(_run(needs_python((3, 8)), program, **shared_server.environment))
    assert shown == [
        {"loss": 0.5, "row": {"a": 1, "b": "x"}}, "Completed", ["here.py"], {"list": [1, 2, 3]},
    ]  # fmt: skip
