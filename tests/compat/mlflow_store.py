"""Run by an interpreter with MLflow's client: ``write ADDRESS`` makes a store, and tells or loads what is in one.

Several verbs at once (``write+tell ADDRESS``) spare the start of a process, which is most of the time.
"""

import json
import sys

import mlflow
import mlflow.sklearn
from mlflow import MlflowClient
from mlflow.entities import ViewType
from sklearn.dummy import DummyClassifier

CURRENT = int(mlflow.__version__.split(".")[0]) >= 3


def write(client: MlflowClient) -> None:
    experiment = client.create_experiment("team/first", tags={"owner": "ada", "mlflow.note.content": "One: a\ntwo"})
    dataset = mlflow.data.from_numpy(DummyClassifier().fit([[0], [1]], [0, 1]).classes_, name="tiny")
    with mlflow.start_run(experiment_id=experiment, run_name="parent: one", description="why"):
        mlflow.log_params({"alpha": 0.5, "optim/beta": "several\nlines"})
        for step in range(20):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metric("val/auc", 0.9)
        mlflow.log_metric("odd", float("nan"))
        mlflow.set_tag("kind", 'it\'s "x": #1')
        mlflow.log_text("hello", "notes/ä b.txt")
        mlflow.log_input(dataset, context="training")
        with mlflow.start_run(nested=True, experiment_id=experiment, run_name="child"):
            mlflow.log_metric("inner", 3)
    failed = client.create_run(experiment, run_name="failed", tags={"mlflow.user": "ada"})
    client.set_terminated(failed.info.run_id, "FAILED")
    gone = client.create_run(experiment, run_name="gone", tags={"mlflow.user": "ada"})
    client.log_metric(gone.info.run_id, "x", 1)
    client.delete_run(gone.info.run_id)
    client.create_run(experiment, run_name="still going", tags={"mlflow.user": "ada"})
    dropped = client.create_experiment("dropped")
    client.create_run(dropped, tags={"mlflow.user": "ada"})
    client.delete_experiment(dropped)
    write_models(client, experiment)


def write_models(client: MlflowClient, experiment: str) -> None:
    where = {"name": "net"} if CURRENT else {"artifact_path": "net"}
    with mlflow.start_run(experiment_id=experiment, run_name="with a model"):
        model = DummyClassifier().fit([[0], [1]], [0, 1])
        logged = mlflow.sklearn.log_model(model, pip_requirements=["scikit-learn"], **where)
        if CURRENT:
            mlflow.log_metric("acc", 0.75, model_id=logged.model_id)
    client.create_registered_model("classifier", tags={"team": "blue"}, description="What it is")
    for _ in range(4):
        source = mlflow.register_model(logged.model_uri, "classifier")
    client.delete_model_version("classifier", "2")
    client.delete_model_version("classifier", source.version)
    client.set_registered_model_alias("classifier", "champion", "3")
    client.update_model_version("classifier", "3", description="the third")
    client.set_model_version_tag("classifier", "3", "checked", "yes")
    client.transition_model_version_stage("classifier", "1", "Staging")
    if not mlflow.get_tracking_uri().startswith("http"):  # Terrazul would not take that name
        client.create_registered_model("no versions")


def tell(client: MlflowClient) -> dict:
    experiments = client.search_experiments(view_type=ViewType.ALL)
    told = {
        "experiments": {each.name: tell_experiment(client, each) for each in experiments},
        "models": {each.name: tell_model(client, each) for each in client.search_registered_models()},
    }
    if CURRENT:
        active = [each.experiment_id for each in experiments if each.lifecycle_stage == "active"]
        told["logged"] = {each.model_id: tell_logged(each) for each in client.search_logged_models(active)}
    return told


def tell_experiment(client, experiment):
    runs = client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL)
    return {
        "about": [experiment.lifecycle_stage, experiment.tags, experiment.creation_time, experiment.last_update_time],
        "runs": {each.info.run_id: tell_run(client, each) for each in runs},
    }


def tell_run(client, run):
    info, data, run_id = run.info, run.data, run.info.run_id
    datasets = [
        [each.dataset.to_dictionary(), sorted((tag.key, tag.value) for tag in each.tags)]
        for each in run.inputs.dataset_inputs
    ]
    histories = {
        key: sorted([repr(each.value), each.timestamp, each.step] for each in client.get_metric_history(run_id, key))
        for key in data.metrics
    }
    told = {
        "about": [info.status, info.start_time, info.end_time, info.lifecycle_stage, info.run_name],
        "data": [data.params, data.tags, {key: repr(value) for key, value in data.metrics.items()}],
        "datasets": datasets,
        "histories": histories,
        "files": files(client, run_id) if info.lifecycle_stage == "active" else {},
    }
    if CURRENT:
        told["made"] = sorted([each.model_id, each.step] for each in (run.outputs.model_outputs if run.outputs else []))
    return told


def files(client, run_id, path=""):
    found = {}
    for each in client.list_artifacts(run_id, path):
        found.update(files(client, run_id, each.path) if each.is_dir else {each.path: each.file_size})
    return found


def tell_logged(model):
    metrics = [[each.key, each.value, each.step, each.timestamp, each.run_id] for each in model.metrics or []]
    times = [model.creation_timestamp, model.last_updated_timestamp]
    return [model.name, times, str(model.status), model.source_run_id, model.params, model.tags, sorted(metrics)]


def tell_model(client, model):
    versions = {}
    for each in client.search_model_versions(f"name='{model.name}'"):
        found = client.get_model_version(model.name, each.version)
        times = [found.creation_timestamp, found.last_updated_timestamp]
        texts = [found.description or "", found.tags, sorted(found.aliases)]
        versions[str(found.version)] = [times, found.current_stage, texts, found.run_id, found.source]
    aliases = {name: str(version) for name, version in model.aliases.items()}
    return [model.creation_timestamp, model.description or "", model.tags, aliases, versions]


def load(client):
    """The versions can be loaded by whoever has the registry."""
    uri = f"models:/classifier/{client.get_model_version_by_alias('classifier', 'champion').version}"
    return {"predicted": mlflow.sklearn.load_model(uri).predict([[0]]).tolist()}


if __name__ == "__main__":
    mlflow.set_tracking_uri(sys.argv[2])
    told = {}
    for verb in sys.argv[1].split("+"):
        told.update({"write": write, "tell": tell, "load": load}[verb](MlflowClient()) or {})
    sys.stdout.write(json.dumps(told, sort_keys=True))
