"""Interactive runs: metrics, files, tags, children and ends."""

import io
import math
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from terrazul.core.errors import AlreadyExists, Conflict, InvalidInput, NotFound, UserErrorException
from terrazul.sdk.experiment import Experiment
from terrazul.sdk.run import Run
from terrazul.sdk.workspace import Workspace

MATRIX = {
    "schema_type": "confusion_matrix",
    "schema_version": "1.0.0",
    "data": {"class_labels": ["0", "1"], "matrix": [[3, 1], [0, 4]]},
}


@pytest.fixture
def run(experiment: Experiment) -> Run:
    return experiment.start_logging()


def test_every_kind_of_metric_comes_back_in_the_shape_of_v1(run: Run):
    run.log("once", 0.5)
    for value in (1, np.int64(2), "three", None, True):
        run.log("several", value, "with a description")
    run.log("curve", 1.5, step=10)
    run.log("odd", math.inf)
    run.log("big", 2**70)
    run.log_list("list", [1, 2])
    run.log_list("list", (3,))
    run.log_list("one", [9])
    run.log_list("empty", [])
    run.log_row("row", a=1, b=2)
    run.log_row("rows", a=1)
    run.log_row("rows", "described", a=2, b=3)
    run.log_table("table", {"x": [1, 2], "y": [3.5, 4.5]})
    assert run.get_metrics() == {
        "once": 0.5,
        "several": [1, 2, "three", None, True],
        "curve": 1.5,
        "odd": math.inf,
        "big": 2**70,
        "list": [1, 2, 3],
        "one": 9,
        "row": {"a": 1, "b": 2},
        "rows": {"a": [1, 2], "b": [None, 3]},
        "table": {"x": [1, 2], "y": [3.5, 4.5]},
    }
    assert run.get_metrics("once") == {"once": 0.5}
    assert run.get_metrics("nothing") == {}


def test_documents_lie_in_files(run: Run):
    run.log_confusion_matrix("matrix", MATRIX)
    address = run.get_metrics()["matrix"]
    assert address.startswith(f"aml://artifactId/ExperimentRun/dcid.{run.id}/matrix_")
    assert run.get_metrics(populate=True) == {"matrix": MATRIX}
    with pytest.raises(InvalidInput, match="schema type 'confusion_matrix'"):
        run.log_residuals("residuals", MATRIX)


def test_images_from_a_file_and_from_a_plot(run: Run, person: Path):
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415  # after the choice of where to draw

    (person / "drawn.png").write_bytes(b"picture")
    run.log_image("file", path="drawn.png")
    plt.plot([1, 2])
    run.log_image("my plot/1", plot=plt)
    plt.close()
    names = run.get_file_names()
    assert names[0] == "drawn.png"
    assert names[1].startswith("my plot_1_")
    run.download_file(names[1], "plot.png")
    assert (person / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert run.get_metrics()["file"].endswith("/drawn.png")
    with pytest.raises(InvalidInput, match="neither a path and a plot"):
        run.log_image("none")
    with pytest.raises(InvalidInput, match="cannot be read"):
        run.log_image("none", path="nothing.png")


def test_a_history_has_steps_and_times_and_is_thinned_on_request(run: Run):
    for step in range(200):
        run.log("loss", 9.0 if step == 77 else 0.5, step=step)
    whole = run.get_metric_history("loss")
    assert [each.step for each in whole] == list(range(200))
    assert whole[0].time.tzinfo is not None
    few = run.get_metric_history("loss", points=10)
    assert len(few) <= 10
    assert {(0, 0.5), (77, 9.0), (199, 0.5)} <= {(each.step, each.value) for each in few}
    assert run.get_metric_history("none") == []
    with pytest.raises(InvalidInput, match="4 to 100000 points"):
        run.get_metric_history("loss", points=1)


def test_recursive_metrics_are_by_run(run: Run):
    child = run.child_run("child")
    child.log("x", 1)
    run.log("y", 2)
    assert run.get_metrics(recursive=True) == {run.id: {"y": 2}, child.id: {"x": 1}}
    assert run.get_metrics(recursive=True, run_type="other") == {}


def test_files_go_up_and_come_down(run: Run, person: Path):
    (person / "model/deep").mkdir(parents=True)
    (person / "model/a.txt").write_text("a")
    (person / "model/deep/b.bin").write_bytes(bytes(9_000_000))
    run.upload_file("outputs/a.txt", "model/a.txt")
    run.upload_file("stream.txt", io.BytesIO(b"streamed"))
    run.upload_folder("folder", "model")
    addresses = run.upload_files(["n1", "n2"], ["model/a.txt", "model/a.txt"], return_artifacts=True)
    assert addresses == {name: f"aml://artifactId/ExperimentRun/dcid.{run.id}/{name}" for name in ("n1", "n2")}
    assert run.get_file_names() == ["folder/a.txt", "folder/deep/b.bin", "n1", "n2", "outputs/a.txt", "stream.txt"]
    run.download_file("stream.txt")
    run.download_file("outputs/a.txt", "sub/renamed.txt")
    run.download_file("outputs/a.txt", "sub/")
    run.download_files("folder", "all")
    run.download_files("folder", "stripped", append_prefix=False)
    run.download_files("n", output_paths=["x1", "x2"])
    for file in ("sub/renamed.txt", "sub/a.txt", "all/folder/a.txt", "stripped/a.txt", "x1", "x2"):
        assert (person / file).read_text() == "a"
    assert (person / "stream.txt").read_bytes() == b"streamed"
    assert (person / "all/folder/deep/b.bin").stat().st_size == 9_000_000
    assert not list(person.rglob("*.part"))


def test_files_that_cannot_be_are_told(run: Run, person: Path):
    (person / "a.txt").write_text("a")
    run.upload_file("taken", "a.txt")
    with pytest.raises(AlreadyExists, match="has a file 'taken' already"):
        run.upload_file("taken", "a.txt")
    for name in ("../up", "/etc/passwd", "a\\b", ""):
        with pytest.raises(InvalidInput, match="path"):
            run.upload_file(name, "a.txt")
    with pytest.raises(InvalidInput, match="cannot be read"):
        run.upload_file("x", "nothing.txt")
    with pytest.raises(InvalidInput, match="is not a folder"):
        run.upload_folder("x", "a.txt")
    with pytest.raises(UserErrorException, match="File with path nothing was not found"):
        run.download_file("nothing")
    assert run.get_file_names() == ["taken"]


def test_tags_change_and_properties_stay(run: Run):
    run.tag("a", "1")
    run.tag("b")
    run.set_tags({"a": 2, "c": 3})
    run.remove_tags(["c"])
    run.add_properties({"p": 1})
    assert run.tags == run.get_tags() == {"a": "2", "b": ""}
    assert run.properties["p"] == run.get_properties()["p"] == "1"
    with pytest.raises(AlreadyExists, match="property 'p'"):
        run.add_properties({"p": 2})
    run.complete()
    run.tag("after", "the end")
    assert run.tags["after"] == "the end"


def test_names_and_descriptions_can_be_set(run: Run, workspace: Workspace):
    run.display_name = "nice"
    run.description = "text"
    again = workspace.get_run(run.id)
    assert (again.name, again.display_name, again.description) == ("nice", "nice", "text")


def test_run_ends_once(run: Run):
    assert run.status == "Running"
    run.complete()
    assert run.get_status() == run.status == "Completed"
    assert run.get_details()["endTimeUtc"].endswith("Z")
    run.complete()
    with pytest.raises(Conflict, match="is Completed and cannot become Failed"):
        run.fail()


def test_context_manager_ends_the_run(experiment: Experiment):
    with experiment.start_logging() as good:
        good.log("x", 1)
    with pytest.raises(ValueError, match="boom"), experiment.start_logging() as bad:
        raise ValueError("boom")
    with experiment.start_logging() as failed:
        failed.fail("by hand", "MyCode")
    assert (good.status, bad.status, failed.status) == ("Completed", "Failed", "Failed")
    assert bad.get_details()["error"]["error"]["message"] == "ValueError: boom"
    assert failed.get_details()["error"]["error"]["code"] == "MyCode"


def test_canceled_run(run: Run):
    child = run.child_run()
    run.cancel()
    assert (run.status, child.status) == ("Canceled", "Canceled")


def test_children_to_any_depth(run: Run):
    child = run.child_run("one")
    grandchild = child.child_run("two", run_id="the-grandchild")
    tagged = run.create_children(tag_key="fold", tag_values=["a", "b"])
    assert grandchild.parent.id == child.id
    assert child.parent.parent is None
    assert grandchild.name == "two"
    assert [each.tags for each in tagged] == [{"fold": "a"}, {"fold": "b"}]
    assert {each.id for each in run.get_children()} == {child.id, *(each.id for each in tagged)}
    assert grandchild.id in {each.id for each in run.get_children(recursive=True)}
    assert [each.id for each in run.get_children(tags={"fold": "b"})] == [tagged[1].id]
    with pytest.raises(InvalidInput, match="by their count, or by a tag"):
        run.create_children()


def test_snapshot_is_taken_when_it_is_asked_for(experiment: Experiment, person: Path):
    (person / "code").mkdir()
    (person / "code/a.py").write_text("print()")
    plain = experiment.start_logging()
    assert plain.get_snapshot_id() is None
    with pytest.raises(NotFound, match="has no snapshot"):
        plain.restore_snapshot()
    run = experiment.start_logging(snapshot_directory="code")
    assert run.properties["ContentSnapshotId"] == run.get_snapshot_id()
    archive = run.restore_snapshot(path="restored")
    assert archive == f"restored/{run.get_snapshot_id()}.zip"
    assert plain.take_snapshot("code/a.py") == plain.get_snapshot_id() == run.get_snapshot_id()


def test_outputs_folder_is_uploaded_at_the_end(experiment: Experiment, person: Path):
    (person / "made").mkdir()
    (person / "made/model.txt").write_text("m")
    with experiment.start_logging(outputs="made") as run:
        pass
    assert run.get_file_names() == ["outputs/model.txt"]


def test_run_shows_itself(run: Run):
    assert repr(run) == f"Run(Experiment: {run.experiment.name},\nId: {run.id},\nType: None,\nStatus: Running)"
    assert run.get_portal_url() in run._repr_html_()
    assert "&lt;" not in run._repr_html_()
