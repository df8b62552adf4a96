"""A v1 workspace is saved by the program that `terrazul export-script` prints, and comes over as it was."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest

import terrazul
from azureml.core import Environment, Experiment, Model, Run, Workspace
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.resource_configuration import ResourceConfiguration
from terrazul.testing.server import RunningServer

TERRAZUL = str(Path(sys.executable).with_name("terrazul"))
TELLER = Path(__file__).with_name("mlflow_store.py")
SOURCE = str(Path(terrazul.__file__).parents[1])
CONFUSION = {
    "schema_type": "confusion_matrix",
    "schema_version": "1.0.0",
    "data": {"class_labels": ["0", "1"], "matrix": [[3, 1], [0, 4]]},
}


def fill(ws: Workspace) -> None:
    """What a team of v1 users leaves behind."""
    Path("src").mkdir()
    Path("src/train.py").write_text("print('trained')\n")
    script = Path("src/start.sh")
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    first = Experiment(ws, "diabetes")
    first.set_tags({"team": "blue"})
    run = first.start_logging(snapshot_directory="src", display_name="the first", outputs=None)
    log_everything(run)
    run.set_tags({"kind": "trial", "empty": None})
    run.add_properties({"purpose": "to see"})
    run.description = "Why it was made"
    Path("outputs").mkdir()
    Path("outputs/model.pkl").write_bytes(bytes(range(256)) * 500)
    Path("notes ä.txt").write_text("two words")
    run.upload_file("outputs/model.pkl", "outputs/model.pkl")
    run.upload_file("notes ä.txt", "notes ä.txt")
    for number in range(3):
        child = run.child_run(name=f"child {number}")
        child.log("accuracy", number / 10)
        grandchild = child.child_run()
        grandchild.complete()
        child.complete()
    run.complete()
    failed = first.start_logging(snapshot_directory="src")
    failed.fail("the disk was full", error_code="Disk")
    Experiment(ws, "diabetes").start_logging().cancel()
    going_on = Experiment(ws, "going-on").start_logging()
    going_on.log("loss", 0.5)
    going_on.flush()
    old = Experiment(ws, "old")
    old.start_logging().complete()
    old.archive()

    for tags in ({"round": "1"}, {"round": "2"}):
        run.register_model("diabetes-net", model_path="outputs/model.pkl", tags=tags, properties={"auc": 0.9})
    Path("folder/deep").mkdir(parents=True)
    Path("folder/deep/weights.bin").write_bytes(b"w" * 1000)
    Path("folder/readme.txt").write_text("read me")
    Model.register(
        ws, "folder", "from-disk", description="Of two files", model_framework=Model.Framework.SCIKITLEARN,
        model_framework_version="1.4", resource_configuration=ResourceConfiguration(cpu=2, memory_in_gb=0.5),
    )  # fmt: skip
    Model.register(ws, "notes ä.txt", "gone").delete()
    Model.register(ws, "notes ä.txt", "gone")

    environment = Environment("training")
    environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["numpy==1.26.4"])
    environment.environment_variables = {"OMP_NUM_THREADS": "1"}
    environment.register(ws)
    environment.python.conda_dependencies.add_pip_package("pandas")
    environment.register(ws)
    Environment.from_docker_image("image", "registry.example/image:1").register(ws)


def log_everything(run: Run) -> None:
    """Each kind of metric, once and several times."""
    run.log("number", 42)
    run.log("truth", True)
    run.log("word", "Red")
    run.log("nothing", None)
    run.log("not a number", float("nan"))
    run.log("endless", float("-inf"))
    for step, value in enumerate([1.0, 0.5, 0.25, 0.125]):
        run.log("loss", value)
        run.log("stepped", value, step=step * 10)
    run.log_list("list", [1, 2, 3.5])
    run.log_list("words", ["one", None])
    run.log_list("nested", [[1, 2], [3]])
    run.log_row("row", angle=1.5, label="x")
    for angle in range(3):
        run.log_row("rows", angle=angle, sine=angle / 2)
    run.log_table("table", {"x": [1, 2, 3], "y": ["a", None, 2.5]})
    run.log_table("short table", {"x": [1]})
    run.log_confusion_matrix("confusion", CONFUSION)
    plt.plot([1, 2, 3])
    run.log_image("plotted", plot=plt)
    Path("picture.png").write_bytes(b"\x89PNG not a picture")
    run.log_image("pictured", path="picture.png")
    plt.close("all")


def tell(ws: Workspace, folder: Path) -> dict[str, Any]:
    """What v1 code finds in a workspace."""
    experiments = Experiment.list(ws, view_type="All")
    return {
        "experiments": {each.name: [each.tags, each.archived_time] for each in experiments},
        "runs": {run.id: tell_run(run, folder) for each in experiments for run in each.get_runs(include_children=True)},
        "models": {each.id: tell_model(each, folder) for each in Model.list(ws)},
        "environments": {
            f"{name}:{version}": Environment.get(ws, name, str(version)).definition()
            for name, newest in Environment.list(ws).items()
            if not name.startswith("AzureML-")
            for version in range(1, int(newest.version) + 1)
        },
    }


def tell_run(run: Run, folder: Path) -> dict[str, Any]:
    details = run.get_details()
    metrics = repr(run.get_metrics()), repr(run.get_metrics(populate=True))
    run.download_files(output_directory=str(folder / run.id))
    snapshot = run.get_snapshot_id()
    archive = run.restore_snapshot(path=str(folder / run.id)) if snapshot else None
    tags = {name: value for name, value in run.get_tags().items() if name != "mlflow.user"}
    return {
        "about": [run.number, run.type, run.display_name, run.description, run.parent and run.parent.id],
        "times": [details.get(name) for name in ("status", "startTimeUtc", "endTimeUtc")],
        "error": details.get("error"),
        "texts": [tags, run.get_properties()],
        "metrics": metrics,
        "files": {name: (folder / run.id / name).read_bytes() for name in run.get_file_names()},
        "snapshot": archive and tell_archive(archive),
    }


def tell_archive(archive: str) -> list[Any]:
    with zipfile.ZipFile(archive) as opened:
        return [(each.filename, each.external_attr >> 16 & 0o111, opened.read(each)) for each in opened.infolist()]


def tell_model(model: Model, folder: Path) -> list[Any]:
    place = Path(model.download(str(folder / model.name / str(model.version))))
    files = [place] if place.is_file() else sorted(each for each in place.rglob("*") if each.is_file())
    resources = model.resource_configuration
    return [
        [model.description, model.tags, model.properties, model.model_framework, model.model_framework_version],
        [model.created_time, model.run_id, resources and resources.serialize()],
        {each.relative_to(place.parent).as_posix(): each.read_bytes() for each in files},
    ]


def carry_out(*line: str, code: int = 0, **variables: str) -> str:
    environment = {**os.environ, **variables}
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(600)
def test_v1_workspace_comes_once(project: Path, platform: RunningServer, client_python: Path, tmp_path: Path):
    first = Workspace.from_config()
    fill(first)
    carry_out(TERRAZUL, "export-script", "--output", "export_workspace.py")
    # the client's interpreter has MLflow, and finds our azureml where v1's would be
    save = (str(client_python), "export_workspace.py", "saved")
    carry_out(*save, PYTHONPATH=SOURCE)
    about = json.loads((tmp_path / "saved" / "export.json").read_text())
    assert about["problems"] == []
    assert about["complete"]
    assert about["counts"] == {
        "experiments": [3, 0], "runs": [11, 0], "snapshots": [2, 1], "files": [5, 0], "model versions": [4, 0],
        "environment versions": [3, 0],
    }  # fmt: skip

    name = f"second-{client_python.parts[-4][:8]}"
    platform.workspace(name)
    bring = (TERRAZUL, "import", "azureml", "saved", "-w", name, "-o", "json")
    planned = json.loads(carry_out(*bring, "--dry-run"))
    second = Workspace.get(name, subscription_id="local", resource_group="terrazul")
    assert Experiment.list(second) == []
    came = json.loads(carry_out(*bring))
    again = json.loads(carry_out(*bring))

    counted = {kind for kind, value in came.items() if isinstance(value, dict) and "found" in value}
    assert {kind: planned[kind] for kind in counted} == {kind: came[kind] for kind in counted}
    assert all(again[kind] == {"found": came[kind]["found"], "new": 0} for kind in counted)
    assert came["runs"] == {"found": 11, "new": 11}
    for told in (planned, came, again):
        assert told["problems"] == []
    there, here = tell(first, tmp_path / "first"), tell(second, tmp_path / "second")
    for part, expected in there.items():
        assert here[part] == expected
    assert sum(bool(each["snapshot"]) for each in here["runs"].values()) == 2
    assert Model.register(second, "notes ä.txt", "gone").version == 3

    for workspace, runs in ((first, there), (second, here)):
        address = workspace.get_mlflow_tracking_uri()
        quiet = {"PYTHONWARNINGS": "ignore", "MLFLOW_TRACKING_TOKEN": platform.token}
        runs["mlflow"] = json.loads(
            carry_out(str(client_python), str(TELLER), "tell", address, **quiet).splitlines()[-1]
        )
    for experiment, about in there["mlflow"]["experiments"].items():
        expected = about["runs"]
        found = here["mlflow"]["experiments"][experiment]["runs"]
        for run_id, run in expected.items():
            assert found[run_id] == run
