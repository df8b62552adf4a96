"""Stores of MLflow that are not whole, imports that are broken off, and what is here already."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from terrazul.testing import importing
from terrazul.testing.importing import problems
from terrazul.testing.server import Refused, RunningServer
from terrazul.wire import pack

TERRAZUL = str(Path(sys.executable).with_name("terrazul"))
RUNS = [digit * 32 for digit in "abcdef"]
pytestmark = pytest.mark.functional


class Store:
    """A folder as MLflow's file store writes it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write(
            "0/meta.yaml", "name: Default\nlifecycle_stage: active\ncreation_time: 1000\nlast_update_time: 1000\n"
        )
        self.write("1/meta.yaml", "name: first\nlifecycle_stage: active\ncreation_time: 2000\nlast_update_time: 3000\n")

    def write(self, path: str, text: str) -> None:
        """A file below the root."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def add_run(self, run_id: str, *, parent: str = "", status: int = 3, experiment: str = "1") -> str:
        """A run with a metric, a parameter, a tag and a file; the path of its folder."""
        folder = f"{experiment}/{run_id}"
        ended = "null" if status == 1 else "9000"
        meta = f"run_id: {run_id}\nrun_name: {run_id[:3]}\nstatus: {status}\nstart_time: 5000\nend_time: {ended}\n"
        self.write(f"{folder}/meta.yaml", meta + "lifecycle_stage: active\nuser_id: ada\n")
        self.write(f"{folder}/metrics/loss", "6000 0.5 0\n7000 0.25 1\n")
        self.write(f"{folder}/params/alpha", "0.1")
        self.write(f"{folder}/tags/kind", "tried")
        self.write(f"{folder}/artifacts/out/file.txt", f"of {run_id}")
        if parent:
            self.write(f"{folder}/tags/mlflow.parentRunId", parent)
        return folder

    def add_version(self, number: int, path: str, stage: str = "None") -> None:
        """A version of the model ``net``."""
        meta = "name: net\ncreation_timestamp: 4000\nlast_updated_timestamp: 4000\n"
        self.write("models/net/meta.yaml", meta)
        self.write(
            f"models/net/version-{number}/meta.yaml",
            f"{meta}version: {number}\ncurrent_stage: {stage}\nsource: {path}\nstorage_location: {path}\n",
        )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "mlruns")


def bring(server: RunningServer, source: Path | str, *options: str) -> Any:
    return importing.bring(server, "mlflow", source, *options)


def test_what_is_broken_is_named_and_the_rest_comes(server: RunningServer, store: Store) -> None:
    good, broken, bare = RUNS[:3]
    store.add_run(good)
    folder = store.add_run(broken)
    store.write(f"{folder}/metrics/loss", "6000 0.5 0\nrubbish\n7000 much 1\n8000 nan 2\n")
    (store.root / folder / "artifacts/link").symlink_to("/etc/passwd")
    (store.root / folder / "tags" / "binary").write_bytes(b"\xff\xfe")
    (store.root / store.add_run(bare) / "meta.yaml").unlink()
    store.write("2/meta.yaml", "name: [")
    (store.root / "3").mkdir()
    store.write("4/meta.yaml", 'name: "a//b"\ncreation_time: 1\n')
    store.write(f"4/{RUNS[4]}/meta.yaml", f"run_id: {RUNS[4]}\nstatus: 3\nstart_time: 1\n")

    told = bring(server, store.root)

    assert told["runs"] == {"found": 2, "new": 2}
    found = problems(told)
    assert found.keys() == {
        f"run {broken}", f"run {bare}", "experiment 2", "experiment 3", "experiment 'a//b'"
    }  # fmt: skip
    assert found[f"run {bare}"] == ["has no meta.yaml, and does not come"]
    assert "2 values of the metric 'loss' cannot be read, from line 2 on" in found[f"run {broken}"]
    assert any("link that leads out" in each for each in found[f"run {broken}"])
    assert any("'binary' cannot be read" in each for each in found[f"run {broken}"])
    here = server.workspace()
    metrics = server.call("GET", f"{here}/runs/{broken}/metrics")[0]["metrics"]
    assert metrics[0]["values"] == [0.5, {"$number": "NaN"}]
    assert metrics[0]["times"] == [6_000_000, 8_000_000]
    run = server.call("GET", f"{here}/runs/{good}")
    assert (run["state"], run["display_name"], run["parameters"]) == ("Completed", "aaa", {"alpha": "0.1"})
    assert run["tags"] == {"kind": "tried", "mlflow.user": "ada"}
    assert run["started_at"] == "1970-01-01T00:00:05.000000Z"
    assert run["ended_at"] == "1970-01-01T00:00:09.000000Z"
    assert server.call("GET", f"{here}/runs/{good}/artifact?path=out/file.txt") == f"of {good}".encode()


def test_a_run_that_came_in_part_gets_what_it_lacks(server: RunningServer, store: Store) -> None:
    store.add_run(RUNS[0], status=1)
    first = bring(server, store.root)
    assert first["runs"]["new"] == 1
    folder = store.add_run(RUNS[0])
    store.write(f"{folder}/metrics/loss", "6000 0.5 0\n7000 0.25 1\n7000 0.25 1\n8000 0.125 2\n")
    store.write(f"{folder}/metrics/other", "8000 1 0\n")
    store.write(f"{folder}/params/beta", "2")
    store.write(f"{folder}/artifacts/more.txt", "more")
    store.write(f"{folder}/artifacts/out/file.txt", "changed since")

    again = bring(server, store.root)

    assert again["runs"] == {"found": 1, "new": 0}
    assert again["metric_values"] == {"found": 5, "new": 3}
    assert again["files"] == {"found": 2, "new": 1}
    assert problems(again) == {f"run {RUNS[0]}": ["the file 'out/file.txt' differs here, and stays as it is"]}
    here = server.workspace()
    run = server.call("GET", f"{here}/runs/{RUNS[0]}")
    assert run["state"] == "Completed"
    assert run["parameters"] == {"alpha": "0.1", "beta": "2"}
    metrics = {each["name"]: each for each in server.call("GET", f"{here}/runs/{RUNS[0]}/metrics")[0]["metrics"]}
    assert metrics["loss"]["values"] == [0.5, 0.25, 0.25, 0.125]
    assert bring(server, store.root)["metric_values"] == {"found": 5, "new": 0}


def test_what_was_changed_here_stays(server: RunningServer, store: Store) -> None:
    store.add_run(RUNS[0])
    bring(server, store.root)
    change = {"run_id": RUNS[0], "set_tags": {"kind": "mine"}}
    server.call("POST", f"{server.workspace()}/writes", {"writer": "w", "sequence": 1, "changes": [change]})
    assert bring(server, store.root)["runs"] == {"found": 1, "new": 0}
    assert server.call("GET", f"{server.workspace()}/runs/{RUNS[0]}")["tags"]["kind"] == "mine"


def test_children_come_below_their_parents_in_any_order(server: RunningServer, store: Store) -> None:
    grandchild, child, parent, orphan = RUNS[:4]
    store.add_run(grandchild, parent=child)
    store.add_run(child, parent=parent)
    store.add_run(orphan, parent=RUNS[5])
    store.write("2/meta.yaml", "name: second\ncreation_time: 2000\n")
    store.add_run(parent, experiment="2")

    told = bring(server, store.root)

    here = server.workspace()
    runs = {run_id: server.call("GET", f"{here}/runs/{run_id}") for run_id in RUNS[:4]}
    assert [runs[each]["parent_run_id"] for each in RUNS[:4]] == [child, parent, None, None]
    assert runs[grandchild]["root_run_id"] == parent
    assert runs[orphan]["tags"]["mlflow.parentRunId"] == RUNS[5]
    assert list(problems(told)) == [f"run {orphan}"]


def test_runs_that_name_each_other_as_parents_come_side_by_side(server: RunningServer, store: Store) -> None:
    store.add_run(RUNS[0], parent=RUNS[1])
    store.add_run(RUNS[1], parent=RUNS[0])
    told = bring(server, store.root)
    assert told["runs"] == {"found": 2, "new": 2}
    assert len(told["problems"]) == 1


def test_a_dry_run_writes_nothing(server: RunningServer, store: Store) -> None:
    store.add_run(RUNS[0])
    store.add_version(1, str(store.root / f"1/{RUNS[0]}/artifacts/out"))
    told = bring(server, store.root, "--dry-run")
    assert told["runs"]["new"] == told["model_versions"]["new"] == 1
    here = server.workspace()
    assert server.call("GET", f"{here}/experiments") == []
    assert server.call("GET", f"{here}/models")["models"] == []
    assert (
        server.call("GET", f"{here}/activity?limit=50")["lines"]
        == server.call("GET", f"{here}/activity?limit=50")["lines"]
    )


def test_numbers_of_versions_are_kept_and_none_is_given_twice(server: RunningServer, store: Store) -> None:
    store.add_run(RUNS[0])
    folder = str(store.root / f"1/{RUNS[0]}/artifacts/out")
    store.add_version(2, folder, "Production")
    store.add_version(5, folder)
    store.add_version(7, folder, "Deleted_Internal")
    here = server.workspace()
    assert bring(server, store.root)["model_versions"] == {"found": 2, "new": 2}
    found = server.call("GET", f"{here}/models?name=net")["models"]
    assert sorted(each["version"] for each in found) == [2, 5]
    assert found[0]["created_at"] == "1970-01-01T00:00:04.000000Z"
    files = server.call("GET", f"{here}/models/net:2")["files"]
    assert [each["path"] for each in files] == ["out/file.txt"]
    assert (
        server.call("POST", f"{here}/models", {"name": "net", "registration_id": "n", "files": files})["version"] == 8
    )

    server.call("DELETE", f"{here}/models/net:5")
    again = bring(server, store.root)
    assert list(problems(again)) == ["model net:5"]
    assert "has passed the version 5" in problems(again)["model net:5"][0]
    store.write(f"1/{RUNS[0]}/artifacts/out/second.txt", "more")
    assert "with other files" in problems(bring(server, store.root))["model net:2"][0]


def test_a_model_whose_name_is_not_allowed_comes_under_another_and_once(server: RunningServer, store: Store) -> None:
    store.add_run(RUNS[0])
    store.add_version(1, str(store.root / f"1/{RUNS[0]}/artifacts/out"))
    (store.root / "models/net").rename(store.root / "models/churn (new)")
    for file in (store.root / "models").rglob("meta.yaml"):
        file.write_text(file.read_text().replace("name: net", 'name: "churn (new)"'))
    server.workspace()

    code, came, told = importing.call_import(server, "mlflow", str(store.root), "-w", "testing")
    again = bring(server, store.root)

    assert (code, problems(came), came["renamed"]) == (0, {}, {"churn (new)": "churn-new"})
    assert told.startswith("The model 'churn (new)' is written as 'churn-new'")
    assert (came["model_versions"]["new"], again["model_versions"]["new"]) == (1, 0)
    mlflow = f"{server.workspace()}/mlflow/api/2.0/mlflow"
    model = server.call("GET", f"{mlflow}/registered-models/get?name=churn-new")["registered_model"]
    assert model["tags"] == [{"key": "terrazul.importedName", "value": "churn (new)"}]


def test_files_that_lie_elsewhere_are_found_where_the_line_says(server: RunningServer, tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executescript(
            """
            CREATE TABLE experiments (experiment_id INTEGER, name TEXT, artifact_location TEXT, lifecycle_stage TEXT);
            CREATE TABLE runs (run_uuid TEXT, name TEXT, user_id TEXT, status TEXT, start_time BIGINT, end_time BIGINT,
                lifecycle_stage TEXT, artifact_uri TEXT, experiment_id INTEGER);
            CREATE TABLE metrics (key TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT);
            CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
            CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);
            INSERT INTO experiments VALUES (1, 'old', 's3://bucket/1', 'active');
            INSERT INTO runs VALUES ('r1', '', 'ada', 'FINISHED', 5, 6, 'active', 's3://bucket/1/r1/artifacts', 1);
            INSERT INTO metrics VALUES ('loss', 0.5, 7, 'r1');
            """
        )
    told = bring(server, database)
    assert told["metric_values"]["new"] == 1
    assert "s3://bucket/1/r1/artifacts" in problems(told)["run r1"][0]

    (tmp_path / "copy/1/r1/artifacts").mkdir(parents=True)
    (tmp_path / "copy/1/r1/artifacts/file.txt").write_text("there")
    again = bring(server, database, "--artifacts", f"s3://bucket={tmp_path / 'copy'}")
    assert again["files"] == {"found": 1, "new": 1}
    assert again["metric_values"] == {"found": 1, "new": 0}
    assert bring(server, database, "--artifacts", str(tmp_path / "copy"))["files"] == {"found": 1, "new": 0}


def test_a_tree_of_the_oldest_layout_comes(server: RunningServer, tmp_path: Path) -> None:
    run_id = RUNS[0]
    tree = tmp_path / "tree"
    (tree / "sklearn" / run_id / "artifacts").mkdir(parents=True)
    (tree / "sklearn" / run_id / "artifacts" / "a.txt").write_text("a")
    (tree / "manifest.json").write_text(json.dumps({"info": {"experiments": 1}}))
    experiment = {"experiment_id": "7", "name": "wine", "lifecycle_stage": "active", "tags": {"a": "b"}}
    (tree / "sklearn" / "manifest.json").write_text(json.dumps({"experiment": experiment, "export_info": {}}))
    about = {
        "info": {"run_uuid": run_id, "experiment_id": "7", "status": "FAILED", "start_time": 5000, "end_time": 6000},
        "params": {"p": "1"},
        "metrics": {"auc": 0.5, "loss": [{"value": 1, "timestamp": 5500, "step": 3}, {"value": "?"}]},
        "tags": {"mlflow.runName": "one"},
    }
    (tree / "sklearn" / run_id / "run.json").write_text(json.dumps(about))
    version = {"version": "4", "run_id": run_id, "current_stage": "Staging", "source": f"/x/7/{run_id}/artifacts/a.txt"}
    model = {"registered_model": {"name": "wine", "creation_timestamp": 1000, "latest_versions": [version]}}
    (tree / "model.json").write_text(json.dumps(model))

    told = bring(server, tree)

    assert problems(told) == {f"run {run_id}": ["1 values of the metric 'loss' cannot be read"]}
    here = server.workspace()
    run = server.call("GET", f"{here}/runs/{run_id}")
    assert (run["experiment_name"], run["display_name"], run["state"]) == ("wine", "one", "Failed")
    metrics = {each["name"]: each for each in server.call("GET", f"{here}/runs/{run_id}/metrics")[0]["metrics"]}
    assert (metrics["auc"]["values"], metrics["loss"]["steps"]) == ([0.5], [3])
    assert server.call("GET", f"{here}/models/wine:4")["run_id"] == run_id
    assert bring(server, tree)["runs"] == {"found": 1, "new": 0}


def test_a_tree_of_the_newest_layout_comes(server: RunningServer, tmp_path: Path) -> None:
    run_id, model_id, tree = RUNS[0], "m-" + "0" * 32, tmp_path / "tree"
    of_experiment = tree / "experiments" / "1"

    def write(file: Path, about: dict[str, Any]) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"system": {}, "info": {}, "mlflow": about}))

    times = {"creation_timestamp": 1000, "last_updated_timestamp": 2000}
    experiment = {"experiment_id": "1", "name": "wine", "creation_time": 1000, "last_update_time": 2000, "tags": {}}
    write(of_experiment / "experiment.json", {"experiment": experiment, "runs": [run_id]})
    info = {"run_id": run_id, "experiment_id": "1", "status": "FINISHED", "start_time": 5000, "end_time": 6000}
    dataset = {"name": "iris", "digest": "d1", "source_type": "local", "source": "{}", "schema": None, "profile": None}
    about = {
        "info": {**info, "lifecycle_stage": "deleted"},
        "params": {},
        "metrics": {"auc": [{"value": 0.5, "timestamp": 5500, "step": 1}]},
        "tags": {"mlflow.runName": "one"},
        "inputs": {
            "dataset_inputs": [{"dataset": dataset, "tags": [{"key": "mlflow.data.context", "value": "train"}]}]
        },
        "outputs": {"model_outputs": [{"model_id": model_id, "step": 2}]},
    }
    write(of_experiment / "runs" / run_id / "run.json", about)
    write(tree / "models" / "experiments" / "1" / run_id / "run.json", about)
    logged = {"model_id": model_id, "name": "net", "source_run_id": run_id, "status": "READY", **times}
    metric = {"key": "auc", "value": 0.5, "timestamp": 5500, "step": 1, "run_id": run_id}
    write(
        of_experiment / "logged_models" / model_id / "logged_model.json",
        {**logged, "params": {"p": "1"}, "tags": {}, "metrics": [metric]},
    )
    (of_experiment / "logged_models" / model_id / "weights.bin").write_text("w")
    version = {"version": "3", "run_id": run_id, "current_stage": "Production", "source": f"models:/{model_id}"}
    write(
        tree / "models" / "models" / "net" / "model.json",
        {"registered_model": {"name": "net", **times, "versions": [{**version, **times, "aliases": ["champion"]}]}},
    )

    told = bring(server, tree)

    assert problems(told) == {}
    assert {name: told[name]["new"] for name in ("runs", "deleted_runs", "logged_models", "model_versions")} == {
        "runs": 1, "deleted_runs": 1, "logged_models": 1, "model_versions": 1
    }  # fmt: skip
    mlflow = f"{server.workspace()}/mlflow/api/2.0/mlflow"
    run = server.call("GET", f"{mlflow}/runs/get?run_id={run_id}")["run"]
    assert run["info"]["lifecycle_stage"] == "deleted"
    assert run["inputs"]["dataset_inputs"][0]["dataset"]["name"] == "iris"
    assert run["outputs"]["model_outputs"] == [{"model_id": model_id, "step": 2}]
    model = server.call("GET", f"{mlflow}/logged-models/{model_id}")["model"]
    assert (model["info"]["name"], model["data"]["metrics"][0]["value"]) == ("net", 0.5)
    alias = server.call("GET", f"{mlflow}/registered-models/alias?name=net&alias=champion")["model_version"]
    assert (alias["version"], alias["current_stage"], alias["creation_timestamp"]) == ("3", "Production", 1000)
    files = server.call("GET", f"{server.workspace()}/models/net:3")["files"]
    assert [each["path"] for each in files] == ["model/weights.bin"]
    assert all(
        value["new"] == 0 for value in bring(server, tree).values() if isinstance(value, dict) and "new" in value
    )


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("nowhere", "nowhere is not there."),
        ("http://127.0.0.1:5000", "is a server, and an import reads what lies behind it."),
        ("mysql://root@host/mlflow", "'mysql' is no kind of source that can be read."),
        ("sqlite:///nowhere.db", "nowhere.db is not a database of SQLite."),
        ("blobs", "is nothing that MLflow or mlflow-export-import has written."),
    ],
)
def test_what_cannot_be_read_is_told(shared_server: RunningServer, source: str, sentence: str) -> None:
    shared_server.workspace()
    code, _, error = importing.call_import(shared_server, "mlflow", source)
    assert code in {2, 3}
    assert sentence in error


def test_a_thing_of_a_batch_that_cannot_be_taken_is_refused_by_itself(server: RunningServer) -> None:
    here = server.workspace()
    times = {"created_at": 1, "updated_at": 2}
    batch = {
        "experiments": [{"name": "a//b", **times}, {"name": "good", **times}],
        "runs": [{"run_id": "none"}],
        "logged_models": [{"model_id": "m-1", "experiment_name": "none", "name": "x", **times}],
        "names": [{"name": "n", "aliases": {"champion": 3}, **times}, {"name": "two words", **times}],
    }
    refusals = server.call("POST", f"{here}/imports", batch)["refusals"]
    assert [(each["kind"], each["index"]) for each in refusals] == [
        ("experiments", 0), ("logged_models", 0), ("runs", 0), ("names", 0), ("names", 1)
    ]  # fmt: skip
    assert [each["name"] for each in server.call("GET", f"{here}/experiments")] == ["good"]


def test_an_experiment_of_somebody_here_is_not_deleted_since_one_of_its_name_is_elsewhere(
    server: RunningServer,
) -> None:
    here = server.workspace()
    server.call("POST", f"{here}/experiments", {"name": "mine"})
    experiment = {"name": "mine", "created_at": 1, "updated_at": 1, "deleted": True}
    refusals = server.call("POST", f"{here}/imports", {"experiments": [experiment]})["refusals"]
    assert refusals[0]["code"] == "conflict"
    assert [each["name"] for each in server.call("GET", f"{here}/experiments")] == ["mine"]


def test_a_number_that_a_name_has_passed_is_refused(server: RunningServer) -> None:
    here = server.workspace()
    content = b"weights"
    digest = hashlib.sha256(content).hexdigest()
    server.call("POST", f"{here}/contents", pack.encode_header(digest, len(content)) + content)
    files = [{"path": "model/w.bin", "digest": digest, "size": len(content)}]
    model = {"name": "net", "registration_id": "r", "files": files}

    def take(version: int) -> Any:
        imported = {"model": model, "version": version, "created_at": 5, "modified_at": 6}
        return server.call("POST", f"{here}/imports", {"versions": [imported]})["refusals"]

    assert take(3) == []
    assert take(3) == []
    assert take(2)[0]["code"] == "conflict"
    assert take(0)[0]["code"] == "invalid_input"
    with pytest.raises(Refused):
        server.call("GET", f"{here}/models/net:2")
