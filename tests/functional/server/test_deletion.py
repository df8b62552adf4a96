"""Deleting for good: what goes, what stays, what the disk gets back."""

import hashlib
import time
from pathlib import Path
from typing import Any

import pytest

from terrazul.testing.server import Refused, RunningServer
from terrazul.testing.submission import Submitter, send_snapshot, wait_for
from terrazul.wire import pack

pytestmark = pytest.mark.each_database


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Bench:
    """A workspace with what is made in it for a test."""

    def __init__(self, server: RunningServer, name: str) -> None:
        self.server = server
        self.place = server.workspace(name)
        self.key = 0

    def call(self, method: str, path: str, body: Any = None) -> Any:
        return self.server.call(method, self.place + path, body)

    def send(self, *contents: bytes) -> None:
        self.call(
            "POST", "/contents", b"".join(pack.encode_header(digest_of(each), len(each)) + each for each in contents)
        )

    def make_run(
        self,
        run_id: str,
        experiment: str = "tests",
        files: dict[str, bytes] | None = None,
        *,
        parent: str | None = None,
        end: bool = True,
        snapshot: str | None = None,
        sent: bool = False,
    ) -> None:
        files = files or {}
        if files and not sent:
            self.send(*files.values())
        self.key += 1
        new = {"run_id": run_id, "experiment_name": experiment, "time": 1, "parent_run_id": parent}
        batch = {
            "writer": f"{run_id}-{self.key}-{time.time_ns()}",
            "sequence": 1,
            "runs": [{**new, "snapshot_id": snapshot, "tags": {"a": "b"}}],
            "metrics": [
                {"run_id": run_id, "name": "loss", "value": step, "time": 1, "step": step} for step in range(3)
            ],
            "artifacts": [
                {"run_id": run_id, "path": path, "digest": digest_of(data), "size": len(data), "time": 1}
                for path, data in files.items()
            ],
            "states": [{"run_id": run_id, "state": "Completed", "time": 2}] if end else [],
        }
        assert self.call("POST", "/writes", batch)["refusals"] == []

    def experiment_id(self, name: str) -> str:
        (found,) = self.call("GET", f"/experiments?name={name}&view=all")
        return str(found["experiment_id"])

    def preview(self, **selection: Any) -> Any:
        return self.call("POST", "/deletions/preview", selection)

    def delete(self, **selection: Any) -> Any:
        """Order a deletion and wait until it is done."""
        order = {"deletion_id": f"d{time.time_ns()}", "selection": selection}
        self.call("POST", "/deletions", order)
        return self.done(order["deletion_id"])

    def done(self, deletion_id: str) -> Any:
        deletion = self.call("GET", f"/deletions/{deletion_id}?wait=30")
        assert deletion["state"] == "Done"
        return deletion

    @property
    def bytes_on_disk(self) -> int:
        """Of all objects of this server, whatever the workspace."""
        return sum(each.stat().st_size for each in Path(self.server.home.blobs_folder).rglob("*") if each.is_file())

    def holds(self, data: bytes) -> bool:
        for each in Path(self.server.home.blobs_folder).rglob("*"):
            if each.is_file() and data in each.read_bytes():
                return True
        return False


@pytest.fixture
def bench(shared_server: RunningServer, request: pytest.FixtureRequest) -> Bench:
    return Bench(shared_server, "d-" + digest_of(request.node.name.encode())[:20])


def refusal(bench: Bench, **selection: Any) -> dict[str, Any]:
    with pytest.raises(Refused) as refused:
        bench.delete(**selection)
    return {"status": refused.value.status, **refused.value.body}


def test_preview_says_what_goes_and_deletes_nothing(bench: Bench):
    bench.make_run("a", files={"x.bin": b"x" * 1000, "shared.bin": b"s" * 500})
    bench.make_run("a.1", files={"y.bin": b"y" * 300}, parent="a")
    bench.make_run("b", files={"shared.bin": b"s" * 500})
    found = bench.preview(run_ids=["a"])
    assert (found["runs"], found["files"], found["bytes"], found["shared_bytes"]) == (2, 3, 1300, 500)
    assert sorted(found["things"]) == ["run a", "run a.1"]
    assert bench.preview(run_ids=["a", "b"])["bytes"] == 1800
    assert bench.preview(experiment_ids=[bench.experiment_id("tests")])["bytes"] == 1800
    assert bench.call("GET", "/runs/a")["run_id"] == "a"


def test_run_goes_with_all_below_it_and_its_bytes(bench: Bench):
    bench.make_run("a", files={"x.bin": b"only of a" * 100, "shared.bin": b"of both" * 100})
    bench.make_run("a.1", files={"y.bin": b"only of the child" * 100}, parent="a")
    bench.make_run("b", files={"shared.bin": b"of both" * 100})
    freed = bench.preview(run_ids=["a"])["bytes"]
    assert bench.delete(run_ids=["a"])["freed_bytes"] == freed
    for run_id in ("a", "a.1"):
        with pytest.raises(Refused, match="no run"):
            bench.call("GET", f"/runs/{run_id}")
    assert not bench.holds(b"only of a")
    assert not bench.holds(b"only of the child")
    assert bench.call("GET", "/runs/b/artifact?path=shared.bin") == b"of both" * 100
    assert [run["run_id"] for run in bench.call("GET", "/runs?include_children=true")["runs"]] == ["b"]
    assert bench.call("GET", "/experiments?name=tests")[0]["run_count"] == 1


def test_names_are_free_at_once(bench: Bench):
    bench.make_run("again", "gone", {"f": b"first" * 10})
    experiment_id = bench.experiment_id("gone")
    bench.call("DELETE", f"/experiments/{experiment_id}?with_runs=true")
    assert bench.call("GET", "/experiments?view=all") == []
    bench.make_run("again", "gone", {"f": b"second" * 10})
    assert bench.experiment_id("gone") != experiment_id
    assert bench.call("GET", "/runs/again/artifact?path=f") == b"second" * 10
    assert bench.call("GET", "/runs/again/metrics")[0]["metrics"][0]["values"] == [0, 1, 2]


def test_experiment_with_runs_goes_only_if_that_is_said(bench: Bench):
    bench.make_run("a")
    with pytest.raises(Refused, match="has 1 runs") as refused:
        bench.call("DELETE", f"/experiments/{bench.experiment_id('tests')}")
    assert refused.value.status == 409
    bench.delete(run_ids=["a"])
    bench.call("DELETE", f"/experiments/{bench.experiment_id('tests')}")
    assert bench.call("GET", "/experiments?view=all") == []


def test_default_experiment_of_mlflow_is_emptied(bench: Bench):
    mlflow = "/mlflow/api/2.0/mlflow"
    run = bench.call("POST", f"{mlflow}/runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"]
    bench.call("POST", f"{mlflow}/runs/update", {"run_id": run, "status": "FINISHED"})
    bench.delete(experiment_ids=[bench.experiment_id("Default")])
    assert bench.call("GET", "/experiments?view=all") == []
    assert bench.call("GET", f"{mlflow}/experiments/get?experiment_id=0")["experiment"]["name"] == "Default"
    bench.call("POST", f"{mlflow}/runs/create", {"experiment_id": "0"})
    assert bench.call("GET", "/experiments")[0]["run_count"] == 1


def test_files_of_a_logged_model_go_with_its_run(bench: Bench):
    mlflow = "/mlflow/api/2.0/mlflow"
    run = bench.call("POST", f"{mlflow}/runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"]
    new = {"experiment_id": "0", "name": "net", "source_run_id": run}
    model = bench.call("POST", f"{mlflow}/logged-models", new)["model"]["info"]["model_id"]
    for name in ("weights", "more"):
        bench.call(
            "PUT", f"/mlflow/api/2.0/mlflow-artifacts/artifacts/0/models/{model}/artifacts/{name}", name.encode() * 30
        )
    bench.call("POST", f"{mlflow}/runs/update", {"run_id": run, "status": "FINISHED"})
    assert bench.preview(run_ids=[run], path="net/more")["bytes"] == 120
    assert bench.delete(run_ids=[run], path="net/more")["freed_bytes"] == 120
    assert [each["path"] for each in bench.call("GET", f"/runs/{run}/artifacts")] == ["net/weights"]
    assert bench.delete(run_ids=[run])["freed_bytes"] == 210
    with pytest.raises(Refused, match="not found"):
        bench.call("GET", f"{mlflow}/logged-models/{model}")


def test_numbers_of_experiments_are_not_given_again(bench: Bench):
    mlflow = "/mlflow/api/2.0/mlflow/experiments"
    first = bench.call("POST", f"{mlflow}/create", {"name": "one"})["experiment_id"]
    bench.call("DELETE", f"/experiments/{bench.experiment_id('one')}")
    second = bench.call("POST", f"{mlflow}/create", {"name": "one"})["experiment_id"]
    assert int(second) > int(first)


def test_run_that_goes_on_is_not_deleted(bench: Bench):
    bench.make_run("done")
    bench.make_run("on", end=False)
    told = refusal(bench, experiment_ids=[bench.experiment_id("tests")])
    assert told["status"] == 409
    assert "the run on is Running" in told["message"]
    assert "terrazul run cancel on" in told["hint"]
    assert bench.preview(run_ids=["on"])["hindrances"][0]["id"] == "on"
    assert bench.call("GET", "/runs/done")["run_id"] == "done"
    bench.call("POST", "/runs/on/cancel")
    bench.delete(experiment_ids=[bench.experiment_id("tests")])


@pytest.mark.parametrize(
    ("selection", "status"),
    [
        ({}, 400),
        ({"run_ids": ["nobody"]}, 404),
        ({"experiment_ids": ["nothing"]}, 404),
        ({"model_ids": ["nothing"]}, 404),
        ({"run_ids": ["a"], "deleted_for_seconds": 1}, 400),
        ({"deleted_for_seconds": -1}, 400),
        ({"run_ids": ["a", "b"], "path": "x"}, 400),
        ({"run_ids": ["a"], "path": "../x"}, 400),
        ({"run_ids": ["a"], "path": ""}, 400),
        ({"run_ids": ["a"], "path": "nothing"}, 404),
    ],
)
def test_selection_that_is_none_is_refused(bench: Bench, selection: dict[str, Any], status: int):
    bench.make_run("a")
    assert refusal(bench, **selection)["status"] == status
    with pytest.raises(Refused) as refused:
        bench.preview(**selection)
    assert refused.value.status == status


def test_deletion_sent_twice_counts_once(bench: Bench):
    bench.make_run("a")
    order = {"deletion_id": "twice", "selection": {"run_ids": ["a"]}}
    bench.call("POST", "/deletions", order)
    bench.make_run("a")
    assert bench.call("POST", "/deletions", order)["runs"] == 1
    assert bench.call("GET", "/runs/a")["run_id"] == "a"
    with pytest.raises(Refused, match="something else"):
        bench.call("POST", "/deletions", {**order, "selection": {"run_ids": ["b"]}})
    assert [each["deletion_id"] for each in bench.call("GET", "/deletions")] == ["twice"]


def test_file_or_folder_of_a_run(bench: Bench):
    bench.make_run("a", files={"out/1": b"one" * 50, "out/2": b"two" * 50, "outer": b"three" * 50})
    assert bench.preview(run_ids=["a"], path="out")["bytes"] == 300
    assert bench.delete(run_ids=["a"], path="out")["files"] == 2
    assert [each["path"] for each in bench.call("GET", "/runs/a/artifacts")] == ["outer"]
    assert not bench.holds(b"two" * 50)
    with pytest.raises(Refused) as refused:
        bench.call("DELETE", "/runs/a/artifacts?path=")
    assert refused.value.status == 400
    assert bench.call("DELETE", "/runs/a/artifacts?path=outer")["files"] == 1
    assert bench.call("GET", "/runs/a/artifacts") == []


def test_model_keeps_its_files_when_its_run_goes(bench: Bench):
    bench.make_run("a", files={"m/model": b"weights" * 100, "m/other": b"other" * 100})
    new = {"name": "m", "registration_id": "r", "run_id": "a", "artifact_path": "m/model"}
    model_id = bench.call("POST", "/models", new)["id"]
    found = bench.preview(run_ids=["a"])
    assert (found["bytes"], found["shared_bytes"]) == (500, 700)
    assert found["kept"] == ["The model m:1 keeps its files, which belong to it."]
    bench.delete(run_ids=["a"])
    assert bench.call("GET", f"/models/{model_id}/file?path=model") == b"weights" * 100
    assert not bench.holds(b"other" * 100)
    assert bench.preview(model_ids=["m"])["bytes"] == 700
    assert bench.delete(model_ids=["m"])["freed_bytes"] == 700
    again = bench.call("POST", "/models", {"name": "m", "registration_id": "s", "files": [_file(bench, b"new")]})
    assert again["version"] == 1


def _file(bench: Bench, data: bytes) -> dict[str, Any]:
    bench.send(data)
    return {"path": "model", "digest": digest_of(data), "size": len(data)}


def test_model_that_is_used_blocks(bench: Bench):
    used = bench.call("POST", "/models", {"name": "base", "registration_id": "r", "files": [_file(bench, b"base")]})
    child = {"name": "child", "registration_id": "s", "files": [_file(bench, b"child")], "parent_id": used["id"]}
    bench.call("POST", "/models", child)
    told = refusal(bench, model_ids=["base"])
    assert (told["status"], "used by the model child:1" in told["message"]) == (409, True)
    bench.delete(model_ids=["base", "child"])
    assert bench.call("GET", "/models")["models"] == []


def test_bytes_of_one_model_version_go(bench: Bench):
    bench.call("POST", "/models", {"name": "m", "registration_id": "r", "files": [_file(bench, b"version one" * 20)]})
    bench.call("DELETE", "/models/m:1")
    wait_for(lambda: not bench.holds(b"version one"))


def test_snapshot_goes_with_its_last_run(bench: Bench):
    snapshot = send_snapshot(bench.server, bench.place, {"train.py": b"print('unique')" * 20, "b.py": b"shared" * 20})
    bench.make_run("a", snapshot=snapshot)
    bench.make_run("b", snapshot=snapshot)
    bench.make_run("c", files={"b.py": b"shared" * 20})
    assert bench.preview(run_ids=["a"])["bytes"] == 0
    both = bench.preview(run_ids=["a", "b"])
    assert (both["shared_bytes"], both["bytes"] > 300) == (120, True)
    bench.delete(run_ids=["a"])
    assert bench.call("GET", f"/snapshots/{snapshot}")["file_count"] == 2
    assert bench.delete(run_ids=["b"])["freed_bytes"] == both["bytes"]
    with pytest.raises(Refused, match="no snapshot"):
        bench.call("GET", f"/snapshots/{snapshot}")
    assert not bench.holds(b"print('unique')")
    assert bench.call("GET", "/runs/c/artifact?path=b.py") == b"shared" * 20


def test_pack_is_written_anew_without_what_is_gone(bench: Bench):
    dead, alive = b"dead" * 50_000, b"alive" * 100
    bench.send(dead, alive)
    for run_id, data in (("a", dead), ("b", alive)):
        bench.make_run(run_id, files={"f": data}, sent=True)
    before = bench.bytes_on_disk
    bench.delete(run_ids=["a"])
    assert before - bench.bytes_on_disk >= len(dead)
    assert bench.call("GET", "/runs/b/artifact?path=f") == alive


def test_content_that_a_client_counts_on_stays(bench: Bench):
    data = b"somebody was told that it is held" * 10
    bench.make_run("a", files={"f": data})
    assert bench.call("POST", "/contents/missing", {"digests": [digest_of(data)]}) == {"digests": []}
    assert bench.delete(run_ids=["a"])["freed_bytes"] == 0
    new = {"name": "m", "registration_id": "r", "files": [{"path": "f", "digest": digest_of(data), "size": len(data)}]}
    bench.call("POST", "/models", new)
    assert bench.call("GET", "/models/m:1/file?path=f") == data


def test_replaced_file_leaves_no_bytes(bench: Bench):
    bench.make_run("a", files={"f": b"first state" * 20})
    bench.send(b"second state" * 20)
    new = {"run_id": "a", "path": "f", "digest": digest_of(b"second state" * 20), "size": 240, "time": 3}
    batch = {"writer": "replacing", "sequence": 1, "artifacts": [{**new, "overwrite": True}]}
    bench.call("POST", "/writes", batch)
    bench.make_run("b")
    bench.delete(run_ids=["b"])
    assert not bench.holds(b"first state")


def test_folder_of_a_submitted_run_goes(server: RunningServer):
    submit = Submitter(server)
    run = submit("open('outputs/f', 'w').write('x')")
    run.wait()
    assert run.folder.is_dir()
    bench = Bench(server, "testing")
    bench.done(bench.call("DELETE", f"/runs/{run.run_id}")["deletion_id"])
    assert list(run.folder.parent.parent.iterdir()) == []
    submit.close()


class TestPurge:
    """Of what MLflow's routes deleted softly."""

    def soft(self, bench: Bench, run_id: str) -> None:
        bench.call("POST", "/mlflow/api/2.0/mlflow/runs/delete", {"run_id": run_id})

    def test_softly_deleted_is_listed_restored_and_purged(self, bench: Bench):
        for run_id in ("a", "b", "c"):
            bench.make_run(run_id, files={"f": run_id.encode() * 100})
        self.soft(bench, "a")
        self.soft(bench, "b")
        listed = bench.call("GET", "/runs?view=deleted")["runs"]
        assert sorted(run["run_id"] for run in listed) == ["a", "b"]
        assert all(run["deleted_at"] for run in listed)
        assert bench.call("POST", "/runs/b/restore")["deleted_at"] is None
        assert bench.preview(deleted_for_seconds=3600)["runs"] == 0
        assert bench.preview(deleted_for_seconds=0)["bytes"] == 100
        assert bench.delete(deleted_for_seconds=0)["freed_bytes"] == 100
        assert sorted(run["run_id"] for run in bench.call("GET", "/runs?view=all")["runs"]) == ["b", "c"]

    def test_experiment_is_restored_or_purged_with_its_runs(self, bench: Bench):
        for name in ("one", "two"):
            bench.make_run(name, name)
            number = bench.call("GET", f"/mlflow/api/2.0/mlflow/experiments/get-by-name?experiment_name={name}")
            number = number["experiment"]["experiment_id"]
            bench.call("POST", "/mlflow/api/2.0/mlflow/experiments/delete", {"experiment_id": number})
        deleted = bench.call("GET", "/experiments?view=deleted")
        assert sorted(each["name"] for each in deleted) == ["one", "two"]
        with pytest.raises(Refused, match="Restore the experiment"):
            bench.call("POST", "/runs/one/restore")
        (one,) = (each["experiment_id"] for each in deleted if each["name"] == "one")
        bench.call("POST", f"/experiments/{one}/restore")
        assert bench.call("GET", "/runs/one")["deleted_at"] is None
        done = bench.delete(deleted_for_seconds=0)
        assert (done["experiments"], done["runs"]) == (1, 1)
        bench.make_run("two", "two")

    def test_run_above_one_that_is_not_deleted_stays(self, bench: Bench):
        bench.make_run("a")
        bench.make_run("a.1", parent="a")
        self.soft(bench, "a")
        found = bench.preview(deleted_for_seconds=0)
        assert (found["runs"], "1 deleted runs stay" in found["kept"][0]) == (0, True)
        self.soft(bench, "a.1")
        assert bench.delete(deleted_for_seconds=0)["runs"] == 2
