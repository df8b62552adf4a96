"""Deleting for good, restoring, and changing many runs, from the SDK."""

from datetime import timedelta
from pathlib import Path

import pytest

from terrazul.core.errors import Conflict, InvalidInput, NotFound
from terrazul.sdk.experiment import Experiment, ViewType
from terrazul.sdk.run import Run
from terrazul.sdk.workspace import Workspace
from terrazul.testing.server import RunningServer
from terrazul.wire.deletion import DeletionState

from .conftest import at_work


@pytest.fixture
def workspace(
    shared_server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Workspace:
    """A workspace of the test's own."""
    at_work(shared_server, tmp_path, monkeypatch)
    return Workspace("subscription", "group", f"test{request.node.name[-25:]}")


def finished(workspace: Workspace, run_id: str, experiment: str = "tests", loss: float = 0.0) -> Run:
    run = Experiment(workspace, experiment).start_logging(run_id=run_id)
    run.log("loss", loss)
    Path("weights").write_text(run_id * 100)
    run.upload_file("outputs/weights", "weights")
    run.complete()
    return run


def test_run_is_deleted_with_its_bytes(workspace: Workspace):
    run = finished(workspace, "a")
    child = run.child_run(run_id="a.1")
    found = run.deletion_preview()
    assert (found.runs, found.files, found.bytes) == (2, 1, 100)
    with pytest.raises(Conflict, match=r"a\.1 is Running"):
        run.delete()
    child.complete()
    assert run.delete_files("outputs").files == 1
    done = run.delete()
    assert (done.state, done.runs) == (DeletionState.DONE, 2)
    with pytest.raises(NotFound):
        workspace.get_run("a")
    finished(workspace, "a")


def test_experiment_is_deleted_with_its_runs(workspace: Workspace):
    finished(workspace, "a", "vision/cats")
    finished(workspace, "b", "text")
    experiment = Experiment(workspace, "vision/cats")
    experiment.description = "what it is about"
    assert (Experiment(workspace, "vision/cats").description, experiment.folder) == ("what it is about", "vision")
    assert [each.path for each in workspace.experiment_folders()] == ["vision"]
    assert [each.name for each in Experiment.list_folder(workspace, "vision")] == ["vision/cats"]
    with pytest.raises(Conflict):
        Experiment.delete(workspace, experiment.id)
    assert experiment.deletion_preview().bytes == 100
    assert experiment.delete_with_runs().freed_bytes == 100
    assert list(workspace.experiments) == ["text"]
    assert Experiment(workspace, "vision/cats").id != experiment.id


def test_runs_of_a_filter_are_changed_and_deleted(workspace: Workspace):
    for number in range(4):
        finished(workspace, f"r{number}", loss=number / 10)
    assert workspace.change_runs("metric.loss < 0.15", {"best": None}, description="a note") == 2
    assert sorted(run.id for run in workspace.search_runs("tag.best = ''")) == ["r0", "r1"]
    assert workspace.get_run("r0").description == "a note"
    assert workspace.change_runs("tag.best = ''", remove_tags=["best"], archived=True) == 2
    assert sorted(run.id for run in workspace.search_runs()) == ["r2", "r3"]
    assert sorted(run.id for run in workspace.search_runs(view="archived")) == ["r0", "r1"]
    workspace.get_run("r0").reactivate()
    workspace.get_run("r2").archive()
    assert sorted(run.id for run in workspace.search_runs()) == ["r0", "r3"]
    assert workspace.change_runs("metric.loss > 100", {"x": "y"}) == 0
    assert workspace.delete_runs("metric.loss >= 0.2", dry_run=True).runs == 2
    assert workspace.delete_runs("metric.loss >= 0.2").runs == 2
    assert sorted(run.id for run in workspace.search_runs(view="all")) == ["r0", "r1"]
    with pytest.raises(InvalidInput, match="No run meets"):
        workspace.delete_runs("metric.loss >= 0.2")
    with pytest.raises(InvalidInput, match="not a view"):
        workspace.search_runs(view="gone")


def test_what_was_deleted_softly_is_restored_or_purged(workspace: Workspace):
    for run_id in ("a", "b"):
        finished(workspace, run_id, run_id)
    for run_id in ("a", "b"):
        number = workspace.client.get(
            dict, "/mlflow/api/2.0/mlflow/experiments/get-by-name", {"experiment_name": run_id}
        )
        body = {"experiment_id": number["experiment"]["experiment_id"]}
        workspace.client.post(dict, "/mlflow/api/2.0/mlflow/experiments/delete", body)
    deleted = Experiment.list(workspace, view_type=ViewType.DeletedOnly)
    assert sorted(each.name for each in deleted) == ["a", "b"]
    next(each for each in deleted if each.name == "a").restore()
    assert [run.id for run in workspace.search_runs()] == ["a"]
    assert workspace.purge(timedelta(days=1), dry_run=True).runs == 0
    assert workspace.purge(dry_run=True).bytes == 100
    assert workspace.purge().experiments == 1
    assert Experiment.list(workspace, view_type=ViewType.DeletedOnly) == []
    for wrong in (-1, float("nan"), timedelta(days=-1)):
        with pytest.raises(InvalidInput, match="span of time"):
            workspace.purge(wrong)
