"""O3, the runs: a table and files as named inputs of training scripts, as a v1 user writes them."""

# ruff: noqa: T201  # as notebooks have it

from pathlib import Path

import pytest

import azureml.core
from azureml.core import Dataset, Environment, Experiment, Model, ScriptRunConfig, Workspace
from azureml.data import OutputFileDatasetConfig
from azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from azureml.exceptions import UserErrorException
from azureml.widgets import RunDetails

TABLE_SCRIPT = """
import argparse
import os

import joblib
from azureml.core import Run
from sklearn.linear_model import LogisticRegression

parser = argparse.ArgumentParser()
parser.add_argument("--regularization", type=float, dest="reg_rate", default=0.01)
parser.add_argument("--input-data", type=str, dest="training_dataset_id")
args = parser.parse_args()

run = Run.get_context()
cancer = run.input_datasets["training_data"].to_pandas_dataframe()
assert run.input_datasets["training_data"].id == args.training_dataset_id
X, y = cancer[["mean radius", "mean texture"]].values, cancer["Benign"].values
model = LogisticRegression(C=1 / args.reg_rate, solver="liblinear").fit(X, y)
run.log("Rows", len(cancer))
run.log("Accuracy", float((model.predict(X) == y).mean()))
os.makedirs("outputs", exist_ok=True)
joblib.dump(value=model, filename="outputs/model.pkl")
run.complete()
"""

FILE_SCRIPT = """
import argparse
import glob

import pandas as pd
from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--input-data", type=str, dest="dataset_folder")
parser.add_argument("--output", type=str, dest="output")
args = parser.parse_args()

run = Run.get_context()
data_path = run.input_datasets["training_files"]
assert data_path == args.dataset_folder
all_files = glob.glob(data_path + "/*.csv")
cancer = pd.concat((pd.read_csv(f) for f in all_files), sort=False)
run.log("Files", len(all_files))
run.log("Rows", len(cancer))
cancer[["mean radius", "Benign"]].head(7).to_csv(args.output + "/part.csv", index=False)
run.complete()
"""


@pytest.fixture
def ws(project: Path) -> Workspace:
    workspace = Workspace.from_config()
    assert azureml.core.VERSION
    (project / "data" / "cancer2.csv").write_bytes((project / "data" / "cancer.csv").read_bytes())
    default_ds = workspace.get_default_datastore()
    default_ds.upload_files(
        files=["./data/cancer.csv", "./data/cancer2.csv"],
        target_path="cancer-data/",
        overwrite=True,
        show_progress=True,
    )
    return workspace


def source(project: Path, name: str, script: str) -> str:
    folder = project / name
    folder.mkdir()
    (folder / "training.py").write_text(script)
    return str(folder)


def test_a_script_trains_on_a_table(project: Path, ws: Workspace, capsys: pytest.CaptureFixture[str]):
    default_ds = ws.get_default_datastore()
    tab_data_set = Dataset.Tabular.from_delimited_files(path=(default_ds, "cancer-data/*.csv"))
    tab_data_set = tab_data_set.register(
        workspace=ws,
        name="cancer dataset",
        description="cancer data",
        tags={"format": "CSV"},
        create_new_version=True,
    )
    env = Environment.from_conda_specification("experiment_env", "environment.yml")
    cancer_ds = ws.datasets.get("cancer dataset")
    script_config = ScriptRunConfig(
        source_directory=source(project, "from_tab_dataset", TABLE_SCRIPT),
        script="training.py",
        arguments=["--regularization", 0.1, "--input-data", cancer_ds.as_named_input("training_data")],
        environment=env,
    )
    run = Experiment(workspace=ws, name="mslearn-train").submit(config=script_config)
    RunDetails(run).show()
    run.wait_for_completion()
    assert run.get_metrics()["Rows"] == 2 * 569
    run.register_model(
        model_path="outputs/model.pkl",
        model_name="cancer_model",
        tags={"Training context": "Tabular dataset"},
        properties={"Accuracy": run.get_metrics()["Accuracy"]},
        datasets=[(Dataset.Scenario.TRAINING, tab_data_set)],
    )
    for model in Model.list(ws):
        print(model.name, "version:", model.version)
        for tag_name in model.tags:
            print("\t", tag_name, ":", model.tags[tag_name])
        for prop_name in model.properties:
            print("\t", prop_name, ":", model.properties[prop_name])
    told = capsys.readouterr().out
    assert "cancer_model version: 1" in told
    assert "\t Training context : Tabular dataset" in told
    assert f"\t Accuracy : {run.get_metrics()['Accuracy']}" in told

    details = run.get_details()
    assert details["inputDatasets"][0]["consumptionDetails"] == {
        "type": "RunInput",
        "inputName": "training_data",
        "mechanism": "Direct",
    }
    assert details["inputDatasets"][0]["dataset"].name == "cancer dataset"
    assert details["runDefinition"]["arguments"][3] == "DatasetConsumptionConfig:training_data"
    assert details["runDefinition"]["data"]["training_data"]["dataLocation"]["dataset"]["id"] == tab_data_set.id
    assert run.input_datasets["training_data"].version == 1
    of_dataset = {(edge.user_type, edge.user_id) for edge in tab_data_set.get_lineage()}
    assert {("run", run.id), ("model", "cancer_model:1")} <= of_dataset
    assert tab_data_set.id in {edge.used_id for edge in Model(ws, "cancer_model").get_lineage()}


@pytest.mark.parametrize("mode", ["as_download", "as_mount"])
def test_a_script_trains_on_files(project: Path, ws: Workspace, mode: str):
    default_ds = ws.get_default_datastore()
    file_data_set = Dataset.File.from_files(path=(default_ds, "cancer-data/*.csv"))
    file_data_set = file_data_set.register(
        workspace=ws, name="cancer file dataset", description="cancer files", create_new_version=True
    )
    named = file_data_set.as_named_input("training_files")
    output = OutputFileDatasetConfig("made", destination=(default_ds, "made/{run-id}"))
    output = output.read_delimited_files().register_on_complete(name="made of it")
    script_config = ScriptRunConfig(
        source_directory=source(project, "from_file_dataset", FILE_SCRIPT),
        script="training.py",
        arguments=["--input-data", getattr(named, mode)(), "--output", output],
    )
    script_config.run_config.environment.python.user_managed_dependencies = True
    run = Experiment(workspace=ws, name="mslearn-train").submit(config=script_config)
    run.wait_for_completion()
    assert run.get_metrics() == {"Files": 2, "Rows": 2 * 569}

    made = Dataset.get_by_name(ws, "made of it")
    frame = made.to_pandas_dataframe()
    assert list(frame.columns) == ["mean radius", "Benign"]
    assert len(frame) == 7
    assert run.get_details()["outputDatasets"][0]["outputDetails"] == {"outputName": "made"}
    assert run.output_datasets["made"].id == made.id


def test_o10_inputs_and_outputs_of_a_step(project: Path, ws: Workspace):
    """What its steps get and make, in one run: a pipeline has several."""
    def_blob_store = ws.get_default_datastore()
    data_path = def_blob_store.upload_files(["./data/cancer.csv"], target_path="your_path", overwrite=True)
    blob_input_data = Dataset.File.from_files(data_path).as_named_input("test_data")
    processed_data3 = OutputFileDatasetConfig(name="processed_data3").register_on_complete("compare_result")
    script = (
        "import os, shutil, sys\n"
        "(file,) = [os.path.join(sys.argv[2], name) for name in os.listdir(sys.argv[2])]\n"
        "os.makedirs(sys.argv[4], exist_ok=True)\n"
        "shutil.copy(file, sys.argv[4])\n"
    )
    arguments = ["--input_data", blob_input_data.as_mount(), "--output_train", processed_data3]
    config = ScriptRunConfig(source(project, "publish_run_train", script), "training.py", arguments)
    config.run_config.environment.python.user_managed_dependencies = True
    run = Experiment(ws, "publish").submit(config)
    run.wait_for_completion()
    made = Dataset.get_by_name(ws, "compare_result")
    assert made.to_path() == ["/cancer.csv"]
    (file,) = def_blob_store.files(f"dataset/{run.id}/processed_data3")
    assert file.size == (project / "data" / "cancer.csv").stat().st_size


def test_inputs_without_names_and_by_data_reference(project: Path, ws: Workspace):
    default_ds = ws.get_default_datastore()
    files = Dataset.File.from_files(path=(default_ds, "cancer-data"))
    reference = default_ds.path("cancer-data").as_mount()
    script = (
        "import os, sys\nprint(*(sorted(os.listdir(each)) for each in sys.argv[1:3]), os.path.isfile(sys.argv[3]))\n"
    )
    single = Dataset.File.from_files(path=(default_ds, "cancer-data/cancer.csv")).as_named_input("one").as_mount()
    config = ScriptRunConfig(
        source(project, "plain", script), "training.py", arguments=[files.as_mount(), f"{reference}", single]
    )
    config.run_config.data_references = {reference.data_reference_name: reference.to_config()}
    config.run_config.environment.python.user_managed_dependencies = True
    run = Experiment(ws, "plain").submit(config)
    run.wait_for_completion(show_output=True)
    run.get_all_logs(str(project / "logs"))
    log = project / "logs" / "azureml-logs" / "70_driver_log.txt"
    assert log.read_text() == "['cancer.csv', 'cancer2.csv'] ['cancer.csv', 'cancer2.csv'] True\n"
    data = run.get_details()["runDefinition"]["data"]
    (automatic,) = set(data) - {"one"}
    assert automatic == f"input__{files.save()[:8]}"
    assert DatasetConsumptionConfig("one", files).mode == "direct"


def test_what_cannot_be_is_told_before_anything_is_sent(project: Path, ws: Workspace):
    default_ds = ws.get_default_datastore()
    table = Dataset.Tabular.from_delimited_files(path=(default_ds, "cancer-data/*.csv"))
    with pytest.raises(UserErrorException, match="has no files to mount"):
        table.as_named_input("x").as_mount()
    with pytest.raises(UserErrorException, match="cannot be the name"):
        table.as_named_input("not a name")
    local = Dataset.File.from_files(path=str(project / "data" / "cancer.csv"))
    config = ScriptRunConfig(source(project, "x", "pass"), "training.py", arguments=[local.as_named_input("x")])
    with pytest.raises(UserErrorException, match="path of this machine"):
        Experiment(ws, "x").submit(config)
