"""MLflow's methods of experiments."""

from __future__ import annotations

from terrazul.server.identity.rules import Action
from terrazul.server.mlflow import view
from terrazul.server.mlflow.method import Call, method
from terrazul.wire.mlflow.answer import Json
from terrazul.wire.mlflow.message import CreateExperiment, ExperimentChoice, Search


@method("POST", "experiments/create", Action.EXPERIMENT_WRITE, CreateExperiment)
async def create_experiment(call: Call, asked: CreateExperiment) -> Json:
    """Make an experiment."""
    number = await call.mlflow.experiments.create(call.workspace, asked, call.principal)
    return {"experiment_id": str(number)}


@method("GET", "experiments/get", Action.EXPERIMENT_READ, ExperimentChoice)
async def get_experiment(call: Call, asked: ExperimentChoice) -> Json:
    """One experiment, also a deleted one."""
    found = await call.mlflow.experiments.get(call.workspace, asked.experiment_id, call.principal)
    return {"experiment": view.experiment(found)}


@method("GET", "experiments/get-by-name", Action.EXPERIMENT_READ, ExperimentChoice)
async def get_experiment_by_name(call: Call, asked: ExperimentChoice) -> Json:
    """The experiment of a name, also a deleted one."""
    found = await call.mlflow.experiments.get_by_name(call.workspace, asked.experiment_name, call.principal)
    return {"experiment": view.experiment(found)}


@method("GET POST", "experiments/search", Action.EXPERIMENT_READ, Search)
async def search_experiments(call: Call, asked: Search) -> Json:
    """A page of experiments."""
    page = await call.mlflow.experiments.search(call.workspace, asked, call.principal)
    return {"experiments": [view.experiment(each) for each in page.things], "next_page_token": page.following}


@method("POST", "experiments/update", Action.EXPERIMENT_WRITE, ExperimentChoice)
async def update_experiment(call: Call, asked: ExperimentChoice) -> None:
    """Rename an experiment."""
    await call.mlflow.experiments.rename(call.workspace, asked, call.principal)


@method("POST", "experiments/delete", Action.EXPERIMENT_WRITE, ExperimentChoice)
async def delete_experiment(call: Call, asked: ExperimentChoice) -> None:
    """Delete an experiment and its runs softly."""
    await call.mlflow.experiments.delete(call.workspace, asked.experiment_id, call.principal)


@method("POST", "experiments/restore", Action.EXPERIMENT_WRITE, ExperimentChoice)
async def restore_experiment(call: Call, asked: ExperimentChoice) -> None:
    """Bring a deleted experiment back."""
    await call.mlflow.experiments.restore(call.workspace, asked.experiment_id, call.principal)


@method("POST", "experiments/set-experiment-tag", Action.EXPERIMENT_WRITE, ExperimentChoice)
async def set_experiment_tag(call: Call, asked: ExperimentChoice) -> None:
    """Set a tag of an experiment."""
    await call.mlflow.experiments.set_tag(call.workspace, asked, call.principal)


@method("POST", "experiments/delete-experiment-tag", Action.EXPERIMENT_WRITE, ExperimentChoice)
async def delete_experiment_tag(call: Call, asked: ExperimentChoice) -> None:
    """Remove a tag of an experiment."""
    await call.mlflow.experiments.delete_tag(call.workspace, asked, call.principal)


methods = [
    create_experiment,
    get_experiment,
    get_experiment_by_name,
    search_experiments,
    update_experiment,
    delete_experiment,
    restore_experiment,
    set_experiment_tag,
    delete_experiment_tag,
]
