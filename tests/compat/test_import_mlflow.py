"""What the real MLflow client has written comes over, and the same client finds it as it was."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from terrazul.testing.postgresql import PostgresqlCluster
from terrazul.testing.server import RunningServer

PROGRAM = Path(__file__).with_name("mlflow_store.py")
TERRAZUL = str(Path(sys.executable).with_name("terrazul"))
RENAMED = {"no versions": "no-versions"}


def carry_out(python: Path, verb: str, address: str, folder: Path, **variables: str) -> Any:
    quiet = {"PYTHONWARNINGS": "ignore", "MLFLOW_ALLOW_FILE_STORE": "true", "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [str(python), str(PROGRAM), verb, address],
        env={**quiet, "HOME": str(folder), **variables},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def bring(platform: RunningServer, workspace: str, source: str, *options: str) -> Any:
    done = subprocess.run(
        [TERRAZUL, "import", "mlflow", source, "-w", workspace, "-o", "json", *options],
        env={**os.environ, **platform.environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def rename(models: dict[str, Any]) -> None:
    """Have the names that Terrazul does not allow as they come."""
    for name, written in RENAMED.items():
        created, description, tags, *rest = models.pop(name)
        models[written] = [created, description, {**tags, "terrazul.importedName": name}, *rest]


def at_home(platform: RunningServer, workspace: str) -> tuple[str, dict[str, str]]:
    """Where MLflow's client finds a workspace, and its token."""
    return f"{platform.url}{platform.workspace(workspace)}/mlflow", {"MLFLOW_TRACKING_TOKEN": platform.token}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["folder", "sqlite"])
def test_everything_of_a_store_comes_as_it_was_and_once(
    platform: RunningServer, client_python: Path, tmp_path: Path, kind: str
) -> None:
    address = {"folder": "mlruns", "sqlite": "sqlite:///mlflow.db"}[kind]
    source = {"folder": str(tmp_path), "sqlite": f"sqlite:///{tmp_path}/mlflow.db"}[kind]
    there = carry_out(client_python, "write+tell", address, tmp_path)
    workspace = f"from-{kind}-{client_python.parts[-4][:8]}"
    home, token = at_home(platform, workspace)

    planned = bring(platform, workspace, source, "--dry-run")
    assert platform.call("GET", f"{platform.workspace(workspace)}/experiments") == []
    came = bring(platform, workspace, source)
    again = bring(platform, workspace, source)

    counted = {name for name, value in came.items() if isinstance(value, dict) and "found" in value}
    assert {name: planned[name] for name in counted} == {name: came[name] for name in counted}
    assert came["runs"] == {"found": 7, "new": 7}
    assert came["nested_runs"]["new"] == 1
    assert came["deleted_runs"]["new"] == 2
    assert came["model_versions"] == {"found": 2, "new": 2}
    assert all(again[name] == {"found": came[name]["found"], "new": 0} for name in counted)
    for told in (planned, came, again):
        assert (told["problems"], told["renamed"]) == ([], RENAMED)

    here = carry_out(client_python, "tell+load", home, tmp_path, **token)
    rename(there["models"])
    assert here == {**there, "predicted": [0]}
    # the number of the version that was deleted last is not given again
    files = platform.call("GET", f"{platform.workspace(workspace)}/models/classifier:3")["files"]
    new = {"name": "classifier", "registration_id": "next", "files": files}
    assert platform.call("POST", f"{platform.workspace(workspace)}/models", new)["version"] == 5


@pytest.mark.timeout(600)
def test_a_database_in_postgresql_comes(
    platform: RunningServer, client_python: Path, tmp_path: Path, postgresql: PostgresqlCluster
) -> None:
    # the driver is named, since which one is taken without that depends on the release
    address = postgresql.make_database().replace("postgresql://", "postgresql+psycopg2://")
    uv = str(Path(sys.executable).with_name("uv"))
    drivers = ["psycopg2-binary", "psycopg[binary]"]  # SQLAlchemy before and from 2.1
    subprocess.run([uv, "pip", "install", "--quiet", "--python", str(client_python), *drivers], check=True)
    there = carry_out(client_python, "write+tell", address, tmp_path)
    workspace = f"from-postgresql-{client_python.parts[-4][:8]}"

    home, token = at_home(platform, workspace)
    came = bring(platform, workspace, address, "--artifacts", str(tmp_path / "mlruns"))
    assert came["runs"] == {"found": 7, "new": 7}
    assert (came["problems"], came["renamed"]) == ([], RENAMED)

    here = carry_out(client_python, "tell", home, tmp_path, **token)
    rename(there["models"])
    assert here == there


@pytest.mark.timeout(600)
def test_a_tree_that_mlflow_export_import_has_written_comes(platform: RunningServer, tmp_path: Path) -> None:
    uv, python = str(Path(sys.executable).with_name("uv")), tmp_path / "client" / "bin" / "python"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(tmp_path / "client")], check=True)
    wanted = ["mlflow-export-import", "mlflow==2.22.*", "sqlalchemy<2.1", "tabulate", "databricks-cli", "setuptools<81"]
    subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), *wanted], check=True)
    first, token = at_home(platform, "exported")
    there = carry_out(python, "write+tell", first, tmp_path, **token)
    # a part of its release 1.2 speaks HTTP by itself, and knows no other way of signing in
    signed_in = first.replace("http://", f"http://any:{platform.token}@")
    variables = {"MLFLOW_TRACKING_URI": signed_in, "PYTHONWARNINGS": "ignore", "PATH": os.environ["PATH"]}
    program = str(python.with_name("export-all"))
    exported = subprocess.run(
        [program, "--output-dir", str(tmp_path / "tree")],
        env={**variables, "HOME": str(tmp_path)}, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert exported.returncode == 0, exported.stdout + exported.stderr

    second, _ = at_home(platform, "imported")
    came = bring(platform, "imported", str(tmp_path / "tree"))
    again = bring(platform, "imported", str(tmp_path / "tree"))
    here = carry_out(python, "tell", second, tmp_path, **token)

    # of what is deleted the tree tells nothing, and its release 1.2 nothing of datasets
    runs = there["experiments"]["team/first"]["runs"]
    expected = {run_id: {**run, "datasets": []} for run_id, run in runs.items() if run["about"][3] == "active"}
    assert here["experiments"]["team/first"]["runs"] == expected
    assert came["runs"]["new"] == 5
    assert again["runs"] == {"found": 5, "new": 0}
    # that release leaves the file of a model half-written, where the client is so much younger
    assert [each["thing"].rpartition("/")[2] for each in came["problems"]] == ["model.json"]
