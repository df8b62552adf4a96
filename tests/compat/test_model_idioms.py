"""How public v1 code works with the registry: evaluating, registering once, finding by build, loading in runs."""

import json
import sys
from pathlib import Path

import joblib
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

from azureml.core import Environment, Experiment, Model, Run, ScriptRunConfig, Workspace
from azureml.core.model import Model as AMLModel
from azureml.core.resource_configuration import ResourceConfiguration
from azureml.exceptions import ModelNotFoundException, WebserviceException

SCORE = """\
import argparse, joblib, os
from azureml.core import Run
from azureml.core.model import Model

parser = argparse.ArgumentParser()
parser.add_argument("--model-name")
arguments = parser.parse_args()
run = Run.get_context()
ws = run.experiment.workspace
path = Model.get_model_path(arguments.model_name)
model = joblib.load(path)
run.log("coefficients", len(model.coef_))
remote = Model._get_model_path_remote(arguments.model_name, 1, ws)
run.log("same", int(os.path.basename(remote) == os.path.basename(path)))
newest = Model(ws, name=arguments.model_name, tags=[["area", "diabetes"]])
joblib.dump(model, "model.pkl")
run.upload_file("outputs/sklearn.pkl", "model.pkl")
run.register_model(model_name="from-inside", model_path="outputs/sklearn.pkl", tags={"based on": newest.id})
"""


@pytest.fixture
def workspace(project: Path) -> Workspace:
    joblib.dump(Ridge().fit(*load_diabetes(return_X_y=True)), project / "sklearn_regression_model.pkl")
    return Workspace.from_config()


def get_model(name: str, workspace: Workspace, version: "int | None" = None, tag: "tuple[str, str] | None" = None):
    """As helper modules of MLOps templates find a model: a version, or the latest one that has a tag."""
    tags = [[*tag]] if tag else None
    if version is not None:
        return AMLModel(workspace, name=name, version=version, tags=tags)
    models = AMLModel.list(workspace, name=name, tags=tags, latest=True)
    if len(models) > 1:
        raise AssertionError("Expected only one model")
    return models[0] if models else None


def test_model_is_registered_once_for_a_build(workspace: Workspace):
    def register(build_id: str) -> str:
        if len(AMLModel.list(workspace, "diabetes", tags=[["BuildId", build_id]])) >= 1:
            return "there"
        model = AMLModel.register(
            workspace=workspace,
            model_name="diabetes",
            model_path="sklearn_regression_model.pkl",
            tags={"title": "Ridge", "BuildId": build_id, "mse": 3000.5},
            properties={"run_id": "abc", "experiment_name": "mlops"},
        )
        return f"{model.name}:{model.version}"

    assert [register("1"), register("2"), register("2")] == ["diabetes:1", "diabetes:2", "there"]
    assert get_model("diabetes", workspace).version == 2
    assert get_model("diabetes", workspace, tag=("BuildId", "1")).version == 1
    assert get_model("nothing", workspace) is None
    with pytest.raises(WebserviceException) as missing:
        get_model("diabetes", workspace, version=9)
    assert "ModelNotFound" in missing.value.message


def test_evaluation_compares_with_the_production_model(workspace: Workspace):
    Model.register(workspace, "sklearn_regression_model.pkl", "evaluated", tags={"mse": "3000", "production": "true"})
    try:
        current = Model(workspace, name="evaluated", tags=["production"])
        worse = float(current.tags["mse"]) < 3500
    except WebserviceException:
        worse = False
    assert worse
    with pytest.raises(WebserviceException):
        Model(workspace, name="never-registered")
    with pytest.raises(ModelNotFoundException):
        Model.get_model_path("never-registered")


def test_notebook_registers_with_everything_and_passes_the_payload_on(workspace: Workspace):
    model = Model.register(
        workspace=workspace,
        model_name="my-sklearn-model",
        model_path="./sklearn_regression_model.pkl",
        model_framework=Model.Framework.SCIKITLEARN,
        model_framework_version="0.22.2",
        resource_configuration=ResourceConfiguration(cpu=1, memory_in_gb=0.5),
        description="Ridge regression model to predict diabetes progression.",
        tags={"area": "diabetes", "type": "regression"},
    )
    assert f"Name: {model.name} Version: {model.version}" == "Name: my-sklearn-model Version: 1"
    payload = json.loads(json.dumps(model.serialize()))
    assert (payload["framework"], payload["resourceRequirements"]["memoryInGB"]) == ("ScikitLearn", 0.5)
    assert Model.deserialize(workspace, payload).id == model.id
    path = Path(model.download(target_dir="down", exist_ok=True))
    assert joblib.load(path).coef_.shape == (10,)


def test_script_loads_the_model_that_it_is_told(workspace: Workspace):
    tags = {"area": "diabetes"}
    Model.register(workspace, "sklearn_regression_model.pkl", "to-load", tags=tags)
    Path("code").mkdir()
    Path("code/score.py").write_text(SCORE)
    environment = Environment("this-python")
    environment.python.user_managed_dependencies = True
    environment.python.interpreter_path = sys.executable
    config = ScriptRunConfig("code", "score.py", ["--model-name", "to-load"], environment=environment)
    run = Experiment(workspace, "scoring").submit(config)
    run.wait_for_completion()
    assert run.get_metrics() == {"coefficients": 10, "same": 1}
    made = workspace.models["from-inside"]
    assert (made.tags, made.run.id, isinstance(made.run, Run)) == ({"based on": "to-load:1"}, run.id, True)
