"""Estimators, as public v1 code from before ``ScriptRunConfig`` uses them."""

from pathlib import Path

from azureml.core import Dataset, Environment, Experiment, Workspace
from azureml.core.conda_dependencies import CondaDependencies
from azureml.train.estimator import Estimator
from azureml.train.sklearn import SKLearn
from azureml.widgets import RunDetails

SCRIPT = """
import argparse
import os

import joblib
from azureml.core import Run
from sklearn.linear_model import LogisticRegression

parser = argparse.ArgumentParser()
parser.add_argument("--regularization", type=float, dest="reg_rate", default=0.01)
parser.add_argument("--balanced", action="store_true")
args = parser.parse_args()
run = Run.get_context()
cancer = run.input_datasets["cancer"].to_pandas_dataframe()
X, y = cancer[["mean radius", "mean texture"]].values, cancer["Benign"].values
weight = "balanced" if args.balanced else None
model = LogisticRegression(C=1 / args.reg_rate, solver="liblinear", class_weight=weight).fit(X, y)
run.log("Accuracy", float((model.predict(X) == y).mean()))
run.log("Balanced", int(args.balanced))
os.makedirs("outputs", exist_ok=True)
joblib.dump(value=model, filename="outputs/model.pkl")
run.complete()
"""


def test_an_estimator_of_a_framework_trains_on_a_named_dataset(project: Path):
    ws = Workspace.from_config()
    ws.get_default_datastore().upload_files(["./data/cancer.csv"], target_path="cancer", show_progress=False)
    table = Dataset.Tabular.from_delimited_files((ws.get_default_datastore(), "cancer/*.csv"))
    folder = project / "training"
    folder.mkdir()
    (folder / "train.py").write_text(SCRIPT)
    estimator = SKLearn(
        source_directory=str(folder),
        entry_script="train.py",
        script_params={"--regularization": 0.1, "--balanced": ""},
        compute_target="local",
        inputs=[table.as_named_input("cancer")],
        pip_packages=["pandas"],
    )
    run = Experiment(workspace=ws, name="cancer-training").submit(config=estimator)
    RunDetails(run).show()
    run.wait_for_completion(show_output=True)
    assert run.get_metrics()["Balanced"] == 1
    assert run.get_metrics()["Accuracy"] > 0.8
    run.register_model(model_path="outputs/model.pkl", model_name="cancer_model", tags={"Context": "Estimator"})
    assert ws.models["cancer_model"].run.id == run.id


def test_an_estimator_uses_an_environment(project: Path):
    ws = Workspace.from_config()
    environment = Environment("estimator-env")
    environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["azureml-defaults"])
    (project / "hello.py").write_text("from azureml.core import Run\nRun.get_context().log('hello', 1)\n")
    estimator = Estimator(
        source_directory=".", entry_script="hello.py", compute_target="local", environment_definition=environment
    )
    run = Experiment(ws, "hello").submit(estimator)
    run.wait_for_completion()
    assert run.get_metrics() == {"hello": 1}
    assert run.get_environment().name == "estimator-env"
