"""Models through the SDK against a real server."""

import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest

from azureml.core import Experiment, Model, Run, ScriptRunConfig, Workspace
from azureml.core.resource_configuration import ResourceConfiguration
from azureml.exceptions import ModelNotFoundException, ModelPathNotFoundException, WebserviceException
from terrazul.core.errors import AlreadyExists, DamagedContent, InvalidInput
from terrazul.testing.server import RunningServer
from terrazul.testing.submission import wait_for
from terrazul.wire import run as wire

from .conftest import at_work, this_python

IN_THE_RUN = """
import os
from pathlib import Path
from azureml.core import Model, Run, Workspace
from azureml.exceptions import ModelPathNotFoundException
from terrazul.core.errors import Forbidden

run = Run.get_context()
ws = run.experiment.workspace
os.makedirs("outputs/folder", exist_ok=True)
Path("outputs/model.pkl").write_bytes(b"early" * 1000)
Path("elsewhere.pkl").write_text("elsewhere")

run.upload_file("outputs/folder/uploaded", "elsewhere.pkl")
Path("outputs/folder/on_disk").write_text("disk")
folder = run.register_model("folder-of-run", "outputs/folder", tags={"from": "inside"})
print([file.path for file in folder._whole().files])
early = run.register_model("of-run", model_path="outputs/model.pkl")
Path("outputs/model.pkl").write_bytes(b"late" * 1000)
late = run.register_model("of-run", model_path="./outputs/model.pkl")
assert (early.version, late.version) == (1, 2), (early, late)
by_path = Model.register(ws, "elsewhere.pkl", "from-disk")
assert by_path.run_id == run.id
for wrong in ("elsewhere.pkl", "outputs/nope"):
    try:
        run.register_model("of-run", wrong)
    except ModelPathNotFoundException as error:
        print(error.message)
    else:
        raise AssertionError(wrong)
early.add_tags({"mine": "yes"})
for forbidden in (early.delete, lambda: Model(ws, "foreign").add_tags({"not": "mine"})):
    try:
        forbidden()
    except Forbidden as error:
        print(error.message)
    else:
        raise AssertionError(forbidden)

path = Model.get_model_path("foreign")
assert path == "azureml-models/foreign/2/m", path
assert Path(path, "a").read_text() == "second"
path = Model.get_model_path("foreign", version=1)
assert path == "azureml-models/foreign/1/m.pkl", path
Path(path).write_text("kept")
assert Path(Model.get_model_path("foreign", version=1)).read_text() == "kept"
assert Path(Model.get_model_path("foreign"), "a").read_text() == "second"
"""

WHILE_AWAY = """
import sys, time
from pathlib import Path
from terrazul import Run
folder = Path(sys.argv[1])
run = Run.get_context()
(folder / "began").touch()
while not (folder / "go").exists():
    time.sleep(0.02)
Path("outputs/model.bin").write_bytes(bytes(30_000_000))
(folder / "asks").touch()
print(run.register_model("patient", "outputs/model.bin").id)
"""


def write(path: str, text: str) -> str:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)
    return path


def test_registered_file_tells_everything_about_itself(workspace: Workspace, capsys: pytest.CaptureFixture[str]):
    before = datetime.now(timezone.utc)
    model = Model.register(
        workspace=workspace,
        model_path=write("model.pkl", "weights"),
        model_name="whole",
        tags={"area": "diabetes", "alpha": 0.5, "bare": None},
        properties={"auc": 0.9},
        description="Ridge regression",
        datasets=[("training", "dataset-1")],
        model_framework=Model.Framework.SCIKITLEARN,
        model_framework_version="1.3",
        sample_input_dataset="sample-in",
        sample_output_dataset=type("Dataset", (), {"id": "sample-out"})(),
        resource_configuration=ResourceConfiguration(cpu=1, memory_in_gb=0.5),
    )
    assert capsys.readouterr().out == "Registering model whole\n"
    found = Model(workspace, id=model.id)
    for each in (model, found):
        assert (each.name, each.version, each.id) == ("whole", 1, "whole:1")
        assert each.tags == {"area": "diabetes", "alpha": "0.5", "bare": ""}
        assert (each.properties, each.description) == ({"auc": "0.9"}, "Ridge regression")
        assert (each.model_framework, each.model_framework_version) == ("ScikitLearn", "1.3")
        assert before <= each.created_time <= datetime.now(timezone.utc)
        assert [(role, dataset.id) for role, dataset in each.datasets] == [("training", "dataset-1")]
        assert (each.sample_input_dataset.id, each.sample_output_dataset.id) == ("sample-in", "sample-out")
        assert (each.resource_configuration.cpu, each.resource_configuration.memory_in_gb) == (1, 0.5)
        assert (each.run, each.run_id, each.experiment_name, each.parent_id) == (None, None, None, None)
        assert (each.unpack, each.derived_model_ids, each.mime_type) == (False, [], "application/x-python")
    assert list(model.get_sas_urls()) == ["model.pkl"]
    again = Model.deserialize(workspace, model.serialize())
    assert again.serialize() == model.serialize()
    assert repr(again).startswith("Model(workspace=Workspace.create(name='work'")
    assert workspace.models["whole"].id == "whole:1"
    for wrong in ({"id": "a:1", "name": "a"}, {**model.serialize(), "createdTime": "soon"}):
        with pytest.raises(WebserviceException, match="payload cannot be read"):
            Model.deserialize(workspace, wrong)


def test_bytes_that_are_there_are_not_sent_again(shared_server: RunningServer, workspace: Workspace):
    path = write("big.bin", "x" * 100_000)
    Model.register(workspace, path, "once")
    objects = sorted(shared_server.home.blobs_folder.rglob("*"))
    assert Model.register(workspace, path, "twice").version == 1
    assert sorted(shared_server.home.blobs_folder.rglob("*")) == objects


def test_folder_comes_back_as_it_was(workspace: Workspace):
    write("model/a", "a")
    write("model/deep/b", "b")
    write("model/left-out", "c")
    model = Model.register(workspace, "model", "folder", child_paths=["a", "deep"])
    assert model.unpack
    path = model.download("down")
    assert path == str(Path("down/model"))
    assert sorted(each.relative_to(path).as_posix() for each in Path(path).rglob("*")) == ["a", "deep", "deep/b"]
    with pytest.raises(WebserviceException, match="exists already"):
        model.download("down")
    write("down/model/a", "changed")
    write("down/model/mine", "kept")
    assert model.download("down", exist_ok=True) == path
    assert (Path(path, "a").read_text(), Path(path, "mine").read_text()) == ("a", "kept")
    assert [each.name for each in Path("down").iterdir()] == ["model"]


def test_damaged_model_is_not_downloaded(shared_server: RunningServer, workspace: Workspace):
    write("model/good", "good")
    write("model/bad", "bad" * 4_000_000)
    model = Model.register(workspace, "model", "damaged")
    digest = next(file.digest for file in model._whole().files if file.path == "model/bad")
    stored = next(shared_server.home.blobs_folder.rglob(digest))
    stored.write_bytes(b"BAD" * 4_000_000)
    with pytest.raises(DamagedContent, match=r"'model/bad' of the model damaged:1"):
        model.download("down")
    assert list(Path("down").iterdir()) == []


def test_model_of_an_interactive_run_knows_where_it_comes_from(workspace: Workspace, experiment: Experiment):
    with experiment.start_logging() as run:
        run.upload_file("outputs/model.pkl", write("local.pkl", "weights"))
        run.upload_file("m-by-name", "local.pkl")
        model = run.register_model(model_name="of-run-1", model_path="outputs/model.pkl", properties={"a": 1})
        assert run.register_model("m-by-name").id == "m-by-name:1"
        assert run.register_model("f", "outputs/").unpack
        with pytest.raises(ModelPathNotFoundException, match=r"outputs/model\.pk'") as raised:
            run.register_model("of-run-1", "outputs/model.pk")
        assert "outputs/model.pkl" in str(raised.value)
        with pytest.raises(InvalidInput, match="model name"):
            run.register_model("not valid", "outputs/model.pkl")
    assert isinstance(model.run, Run)
    assert (model.run.id, model.run_id, model.experiment_name) == (run.id, run.id, experiment.name)
    assert Model(workspace, "of-run-1", run_id=run.id).id == model.id
    assert [(edge.used_type, edge.used_id) for edge in model.get_lineage()] == [("run", run.id)]
    assert Path(model.download()).read_text() == "weights"


def test_newest_model_that_fits_is_found(workspace: Workspace):
    path = write("model.pkl", "weights")
    for tags, framework in (({"stage": "test", "n": "1"}, "Onnx"), ({"stage": "test"}, None), ({"other": ""}, None)):
        Model.register(workspace, path, "found", tags=tags, properties={"p": "q"}, model_framework=framework)
    assert Model(workspace, "found").version == 3
    assert Model(workspace, name="found", version=1).version == 1
    assert Model(workspace, name="found", tags=["stage"]).version == 2
    assert Model(workspace, name="found", tags=[["stage", "test"], "n"]).version == 1
    assert Model(workspace, name="found", version=1, properties=[["p", "q"]]).version == 1
    assert Model(workspace, model_framework="Onnx").version == 1
    for wanted in ({"version": 9}, {"tags": [["stage", "x"]]}, {"version": "x", "tags": ["n"]}, {"run_id": "nobody"}):
        with pytest.raises(WebserviceException, match="ModelNotFound: Model with name found") as raised:
            Model(workspace, "found", **wanted)  # type: ignore[arg-type]  # several kinds of filters
        assert isinstance(raised.value, ModelNotFoundException)
    for model_id in ("found:9", "found:x", "not valid:1"):
        with pytest.raises(WebserviceException, match="ModelNotFound: Model with id"):
            Model(workspace, id=model_id)


def test_list_goes_over_all_pages(workspace: Workspace):
    path = write("model.pkl", "weights")
    made = [Model.register(workspace, path, f"page-{number % 3}", tags={"page": number}).id for number in range(7)]
    assert [model.id for model in Model.list(workspace, tags=["page"], page_count=2)] == made[::-1]
    latest = Model.list(workspace, tags=["page"], latest=True, page_count=1)
    assert [model.id for model in latest] == ["page-0:3", "page-2:2", "page-1:2"]
    assert [model.id for model in Model.list(workspace, "page-0", tags=[["page", 3]])] == ["page-0:2"]
    assert Model.list(workspace, "page") == []
    with pytest.raises(InvalidInput, match="not a key"):
        Model.list(workspace, tags=[["a", "b", "c"]])


def test_tags_change_and_properties_stay(workspace: Workspace):
    model = Model.register(workspace, write("model.pkl", "w"), "changing", tags={"a": "1", "b": "2"})
    model.add_tags({"c": 3})
    model.remove_tags(["a"])
    model.add_properties({"p": "q"})
    assert (model.tags, model.properties) == ({"b": "2", "c": "3"}, {"p": "q"})
    with pytest.raises(AlreadyExists, match="cannot become"):
        model.update_tags_properties(add_tags={"d": "4"}, add_properties={"p": "r"})
    model.update(tags={"only": "this"}, description="new", resource_configuration=ResourceConfiguration(gpu=1))
    model.add_dataset_references([("training", "d1"), ("training", "d2")])
    found = Model(workspace, "changing")
    assert (found.tags, found.description, found.properties) == ({"only": "this"}, "new", {"p": "q"})
    assert found.resource_configuration.serialize() == {"cpu": None, "memoryInGB": None, "gpu": 1}
    assert [dataset.id for _, dataset in found.datasets] == ["d1", "d2"]
    assert [each.id for each in Model.list(workspace, dataset_id="d2")] == ["changing:1"]
    with pytest.raises(InvalidInput, match="pairs of a role and a dataset"):
        model.add_dataset_references(["d1"])  # type: ignore[list-item]  # the mistake that is tested
    model.delete()
    with pytest.raises(WebserviceException, match="ModelNotFound"):
        Model(workspace, id=model.id)


def test_path_of_a_model_of_the_registry(workspace: Workspace):
    model = Model.register(workspace, write("model.pkl", "one"), "placed")
    Model.register(workspace, write("model.pkl", "two"), "placed")
    path = Model.get_model_path("placed", _workspace=workspace)
    assert (path, Path(path).read_text()) == ("azureml-models/placed/2/model.pkl", "two")
    assert Model.get_model_path("placed") == path
    assert Model.get_model_path("placed", 1, workspace) == "azureml-models/placed/1/model.pkl"
    write(path, "spoiled")
    assert Path(Model.get_model_path("placed", _workspace=workspace)).read_text() == "two"
    model.delete()
    assert Model.get_model_path("placed", version=1, _workspace=workspace) == "azureml-models/placed/1/model.pkl"
    with pytest.raises(ModelNotFoundException):
        Model.get_model_path("nowhere", _workspace=workspace)


def test_submitted_run_registers_reads_and_changes_what_it_may(workspace: Workspace, experiment: Experiment):
    Model.register(workspace, write("m.pkl", "first"), "foreign")
    write("m/a", "second")
    Model.register(workspace, "m", "foreign")
    write("code/train.py", IN_THE_RUN)
    run = experiment.submit(ScriptRunConfig("code", "train.py", environment=this_python()))
    run.wait_for_completion(show_output=True)
    assert workspace.client.get(wire.Run, f"/runs/{run.id}").warnings == []

    log = run.read_file("azureml-logs/70_driver_log.txt").decode()
    assert "['folder/on_disk', 'folder/uploaded']" in log
    assert "Could not locate the model path 'elsewhere.pkl'" in log
    assert "may not do model/delete" in log
    assert "A run token opens its own run" in log
    early, late = Model(workspace, "of-run", version=1), Model(workspace, "of-run", version=2)
    assert Path(early.download("early")).read_bytes() == b"early" * 1000
    assert Path(late.download("late")).read_bytes() == b"late" * 1000
    assert (early.run_id, early.tags, Model(workspace, "foreign").tags) == (run.id, {"mine": "yes"}, {})
    assert ("snapshot", run.get_snapshot_id(), "code") in [
        (edge.used_type, edge.used_id, edge.role) for edge in early.get_lineage()
    ]
    assert run.read_file("outputs/model.pkl") == b"late" * 1000
    assert run.register_model("after", "outputs/folder").version == 1


def test_registration_in_a_run_waits_for_a_server_that_is_away(
    server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    at_work(server, tmp_path, monkeypatch)
    workspace = Workspace("subscription", "group", "work")
    write("code/train.py", WHILE_AWAY)
    config = ScriptRunConfig("code", "train.py", [str(tmp_path)], environment=this_python())
    run = Experiment(workspace, "away").submit(config)
    wait_for((tmp_path / "began").exists)
    server.kill()
    (tmp_path / "go").touch()
    wait_for((tmp_path / "asks").exists)
    server.start()
    run.wait_for_completion()
    assert [(model.id, model.run_id) for model in Model.list(workspace)] == [("patient:1", run.id)]


def test_processes_that_download_at_the_same_time_do_not_hinder_each_other(workspace: Workspace):
    for name in ("a", "b", "c"):
        write(f"shared/{name}", name)
    Model.register(workspace, "shared", "shared")
    program = "import sys; from terrazul import Model, Workspace; ws = Workspace('subscription', 'group', 'work')\n"
    program += "for _ in range(5): print(Model.get_model_path('shared', _workspace=ws))"
    started = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) for _ in range(3)]
    answers = {process.communicate()[0].decode() for process in started}
    assert answers == {"azureml-models/shared/1/shared\n" * 5}
    assert sorted(path.name for path in Path("azureml-models/shared/1").rglob("*")) == ["a", "b", "c", "shared"]
