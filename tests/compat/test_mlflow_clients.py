"""The real MLflow client, of the current release and of one of the major release before, against a workspace."""

import os
import subprocess
from pathlib import Path

import pytest

from terrazul.testing.server import RunningServer

SCRIPT = """
import pathlib, sys, tempfile
import mlflow, mlflow.sklearn
from mlflow import MlflowClient
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

client = MlflowClient()
current = int(mlflow.__version__.split(".")[0]) >= 3
experiment = mlflow.set_experiment("trained")
assert mlflow.set_experiment("trained").experiment_id == experiment.experiment_id
features, labels = load_iris(return_X_y=True, as_frame=True)

mlflow.sklearn.autolog(log_models=False)
with mlflow.start_run(run_name="automatic") as automatic:
    model = LogisticRegression(max_iter=200).fit(features, labels)
mlflow.sklearn.autolog(disable=True)
found = client.get_run(automatic.info.run_id)
assert found.data.metrics["training_score"] > 0.9 and found.data.params["max_iter"] == "200", found.data
assert found.inputs.dataset_inputs and found.info.status == "FINISHED", found

with mlflow.start_run(run_name="by hand", description="what for") as run:
    for step in range(3):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.log_metrics({"a": 1, "b": float("nan")})
    mlflow.log_params({"lr": 0.1, "depth": 3})
    mlflow.set_tags({"team": "blue"})
    mlflow.log_input(mlflow.data.from_pandas(features, name="iris"), context="training")
    folder = pathlib.Path(tempfile.mkdtemp())
    (folder / "sub").mkdir()
    (folder / "sub" / "b.txt").write_text("b")
    mlflow.log_artifacts(str(folder), "files")
    mlflow.log_text("hello", "note.txt")
    where = {"name": "net"} if current else {"artifact_path": "net"}
    logged = mlflow.sklearn.log_model(model, pip_requirements=["scikit-learn"], **where)
    with mlflow.start_run(nested=True, run_name="child") as child:
        mlflow.log_metric("inner", 1)
run_id = run.info.run_id
assert [each.value for each in client.get_metric_history(run_id, "loss")] == [1.0, 0.5, 1 / 3]
assert client.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == run_id
assert mlflow.artifacts.load_text(f"runs:/{run_id}/note.txt") == "hello"
fetched = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="files")
assert (pathlib.Path(fetched) / "sub" / "b.txt").read_text() == "b"
assert {each.path for each in client.list_artifacts(run_id)} >= {"files", "note.txt"}
assert "net/MLmodel" in [each.path for each in client.list_artifacts(run_id, "net")]
for uri in (logged.model_uri, f"runs:/{run_id}/net"):
    assert (mlflow.sklearn.load_model(uri).predict(features) == model.predict(features)).all()
assert mlflow.pyfunc.load_model(f"runs:/{run_id}/net").metadata.run_id == run_id
try:
    client.log_param(run_id, "lr", "2")
except mlflow.MlflowException as error:
    assert error.error_code == "INVALID_PARAMETER_VALUE", error
else:
    raise AssertionError("a parameter got another value")

table = mlflow.search_runs(filter_string="metrics.loss < 0.5 AND tags.team = 'blue'", order_by=["metrics.a DESC"])
assert list(table.run_id) == [run_id], table
either = "tags.team = 'blue' OR (NOT params.max_iter = '100' AND metrics.training_score > 0)"
both = mlflow.search_runs(filter_string=either)
assert set(both.run_id) == {run_id, automatic.info.run_id}, both
assert [each.name for each in client.search_experiments(filter_string="name = 'trained'")] == ["trained"]
client.delete_run(child.info.run_id)
assert client.get_run(child.info.run_id).info.lifecycle_stage == "deleted"
client.restore_run(child.info.run_id)
with mlflow.start_run(run_id=run_id):
    assert client.get_run(run_id).info.status == "RUNNING"
    mlflow.log_metric("a", 2, step=1)
assert client.get_run(run_id).data.metrics["a"] == 2
with mlflow.start_run():
    client.set_terminated(mlflow.active_run().info.run_id, "KILLED")
client.set_experiment_tag(experiment.experiment_id, "k", "v")
client.rename_experiment(experiment.experiment_id, "renamed")
assert client.get_experiment_by_name("renamed").tags["k"] == "v"
client.delete_experiment(experiment.experiment_id)
assert client.get_experiment(experiment.experiment_id).lifecycle_stage == "deleted"
client.restore_experiment(experiment.experiment_id)
if current:
    import lightgbm, mlflow.lightgbm
    mlflow.lightgbm.autolog(log_models=False)
    with mlflow.start_run() as boosted:
        data = lightgbm.Dataset(features, labels == 1)
        lightgbm.train({"objective": "binary", "verbose": -1}, data, num_boost_round=4, valid_sets=[data])
    name = next(iter(client.get_run(boosted.info.run_id).data.metrics))
    assert len(client.get_metric_history(boosted.info.run_id, name)) == 4
registered = mlflow.register_model(f"runs:/{run_id}/net", "classifier")
assert str(registered.version) == "1", registered
assert str(mlflow.register_model(logged.model_uri, "classifier", tags={"k": "v"}).version) == "2"
client.set_registered_model_alias("classifier", "champion", "2")
client.set_model_version_tag("classifier", "1", "checked", "yes")
client.update_registered_model("classifier", description="sorts flowers")
client.transition_model_version_stage("classifier", "1", "Production")
assert str(client.get_latest_versions("classifier", ["Production"])[0].version) == "1"
for uri in ("models:/classifier/1", "models:/classifier@champion", "models:/classifier/Production"):
    assert (mlflow.sklearn.load_model(uri).predict(features) == model.predict(features)).all(), uri
found = client.search_model_versions("name = 'classifier' AND tags.checked = 'yes'")
assert [(str(each.version), each.run_id) for each in found] == [("1", run_id)], found
assert [each.name for each in client.search_registered_models("name LIKE 'class%'")] == ["classifier"]
aliases = client.get_registered_model("classifier").aliases
assert {name: str(version) for name, version in aliases.items()} == {"champion": "2"}
client.delete_registered_model_alias("classifier", "champion")
client.rename_registered_model("classifier", "sorter")
assert client.get_registered_model("sorter").description == "sorts flowers"
client.delete_model_version("sorter", "2")
client.create_registered_model("empty")
client.delete_registered_model("empty")
print("run", run_id)
"""


@pytest.mark.timeout(600)
def test_client_finds_an_mlflow_server_in_a_workspace(platform: RunningServer, client_python: Path, tmp_path: Path):
    workspace = platform.workspace(f"client-{client_python.parents[2].name[:20]}")
    (tmp_path / "script.py").write_text(SCRIPT)
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW", "PYTHON"))},
        "MLFLOW_TRACKING_URI": f"{platform.url}{workspace}/mlflow",
        "MLFLOW_TRACKING_TOKEN": platform.token,
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "GIT_PYTHON_REFRESH": "quiet",
    }
    done = subprocess.run(
        [str(client_python), "script.py"], cwd=tmp_path, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    run_id = done.stdout.rpartition("run ")[2].split()[0]
    run = platform.call("GET", f"{workspace}/runs/{run_id}")
    assert (run["display_name"], run["description"], run["state"]) == ("by hand", "what for", "Completed")
    assert run["parameters"] == {"lr": "0.1", "depth": "3"}
    metrics = {
        each["name"]: each["values"]
        for each in platform.call("GET", f"{workspace}/runs/{run_id}/metrics")[0]["metrics"]
    }
    assert metrics["loss"] == [1.0, 0.5, 1 / 3]
    paths = {each["path"] for each in platform.call("GET", f"{workspace}/runs/{run_id}/artifacts")}
    assert {"note.txt", "files/sub/b.txt", "net/MLmodel"} <= paths
    (model,) = platform.call("GET", f"{workspace}/models")["models"]
    assert (model["id"], model["run_id"], "sklearn" in model["mlflow"]["flavors"]) == ("sorter:1", run_id, True)
