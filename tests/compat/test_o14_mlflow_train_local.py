"""O14, and MLflow's part of O1: MLflow's client on a workspace that v1's SDK opens, in one process and inside a run."""

import os
import subprocess
from pathlib import Path

import pytest

import terrazul
from azureml.core import Workspace

TRAIN_LOCAL = """
import mlflow
import mlflow.sklearn
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
import azureml.core
from azureml.core import Workspace
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

print("SDK version:", azureml.core.VERSION)
ws = Workspace.from_config()
mlflow.set_tracking_uri(ws.get_mlflow_tracking_uri())
name = "local-training-with-mlflow"
mlflow.set_experiment(name)
X, y = load_diabetes(return_X_y=True)
with mlflow.start_run() as run:
    mlflow.log_metric("alpha", 0.03)
    model = Ridge(alpha=0.03).fit(X[:300], y[:300])
    predicted = model.predict(X[300:])
    mlflow.log_metric("mse", float(((predicted - y[300:]) ** 2).mean()))
    mlflow.sklearn.log_model(model, "model")
    figure = plt.figure(1)
    plt.plot(y[300:], predicted)
    figure.savefig("actual_and_predicted.png")
    mlflow.log_artifact("actual_and_predicted.png")
print(ws.experiments[name].name)
"""
RUN_EXPERIMENTS = """
import os, shutil, sys
import mlflow
import pandas as pd
from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace

ws = Workspace.from_config()
mlflow.set_tracking_uri(ws.get_mlflow_tracking_uri())
experiment = Experiment(workspace=ws, name="diabetes-mlflow")
mlflow.set_experiment(experiment.name)
with mlflow.start_run():
    mlflow.log_metric("observations", len(pd.read_csv("data/diabetes.csv")))

os.makedirs("files", exist_ok=True)
shutil.copy("data/diabetes.csv", "files/diabetes.csv")
with open("files/count_rows.py", "w") as script:
    script.write('''
from azureml.core import Run
import pandas as pd
import mlflow

with mlflow.start_run():
    row_count = (len(pd.read_csv("diabetes.csv")))
    print("observations:", row_count)
    mlflow.log_metric("observations", row_count)
''')
environment = Environment("here")
environment.python.user_managed_dependencies = True
environment.python.interpreter_path = sys.executable
config = ScriptRunConfig(source_directory="files", script="count_rows.py", environment=environment)
run = experiment.submit(config=config)
run.wait_for_completion()
print(run.get_metrics())
"""


def notebook(python: Path, project: Path, cells: str) -> str:
    """What cells print in the interpreter of somebody who has MLflow's client and, beside it, this SDK."""
    (project / "notebook.py").write_text(cells)
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW", "PYTHON"))}
    done = subprocess.run(
        [str(python), "notebook.py"],
        cwd=project,
        env={**plain, "PYTHONPATH": str(Path(terrazul.__file__).parent.parent), "GIT_PYTHON_REFRESH": "quiet"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.mark.timeout(600)
def test_o14_training_is_tracked(client_python: Path, project: Path):
    assert notebook(client_python, project, TRAIN_LOCAL).splitlines()[-1] == "local-training-with-mlflow"
    (run,) = Workspace.from_config().experiments["local-training-with-mlflow"].get_runs()
    assert run.get_status() == "Completed"
    metrics = run.get_metrics()
    assert (metrics["alpha"], 2000 < metrics["mse"] < 4000) == (0.03, True)
    assert "actual_and_predicted.png" in run.get_file_names()


@pytest.mark.timeout(600)
def test_o01_mlflow_records(client_python: Path, project: Path):
    printed = notebook(client_python, project, RUN_EXPERIMENTS)
    assert printed.splitlines()[-1] == "{'observations': 442.0}"  # MLflow's numbers are floats
    submitted, interactive = Workspace.from_config().experiments["diabetes-mlflow"].get_runs()
    assert interactive.get_metrics() == submitted.get_metrics() == {"observations": 442}
    assert submitted.get_status() == "Completed"
    assert "observations: 442" in submitted.get_details_with_logs()["logFiles"]["azureml-logs/70_driver_log.txt"]
