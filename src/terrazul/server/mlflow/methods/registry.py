"""MLflow's methods of the registry."""

from __future__ import annotations

from terrazul.server.identity.rules import Action
from terrazul.server.mlflow import view
from terrazul.server.mlflow.method import Call, method
from terrazul.server.mlflow.service.registry import WholeName, WholeVersion
from terrazul.wire.mlflow.answer import Json
from terrazul.wire.mlflow.message import NameChoice, Search, VersionChoice


@method("POST", "registered-models/create", Action.MODEL_REGISTER, NameChoice)
async def create_registered_model(call: Call, asked: NameChoice) -> Json:
    """Make a registered model without versions."""
    whole = await call.mlflow.registry.create_name(call.workspace, asked, call.principal)
    return {"registered_model": _name(whole)}


@method("GET", "registered-models/get", Action.MODEL_READ, NameChoice)
async def get_registered_model(call: Call, asked: NameChoice) -> Json:
    """One registered model."""
    whole = await call.mlflow.registry.get_name(call.workspace, asked.name)
    return {"registered_model": _name(whole)}


@method("GET", "registered-models/search", Action.MODEL_READ, Search)
async def search_registered_models(call: Call, asked: Search) -> Json:
    """A page of registered models."""
    page = await call.mlflow.registry.search_names(call.workspace, asked)
    return {"registered_models": [_name(each) for each in page.things], "next_page_token": page.following}


@method("PATCH", "registered-models/update", Action.MODEL_CHANGE_ALL, NameChoice)
async def update_registered_model(call: Call, asked: NameChoice) -> Json:
    """Change the description of a registered model."""
    whole = await call.mlflow.registry.change_name(call.workspace, asked)
    return {"registered_model": _name(whole)}


@method("POST", "registered-models/rename", Action.MODEL_CHANGE_ALL, NameChoice)
async def rename_registered_model(call: Call, asked: NameChoice) -> Json:
    """Give a registered model another name."""
    whole = await call.mlflow.registry.change_name(call.workspace, asked)
    return {"registered_model": _name(whole)}


@method("DELETE", "registered-models/delete", Action.MODEL_DELETE, NameChoice)
async def delete_registered_model(call: Call, asked: NameChoice) -> None:
    """Remove a registered model with all its versions."""
    await call.mlflow.registry.delete_name(call.workspace, asked.name)


@method("GET POST", "registered-models/get-latest-versions", Action.MODEL_READ, NameChoice)
async def get_latest_versions(call: Call, asked: NameChoice) -> Json:
    """Of each stage the newest version."""
    found = await call.mlflow.registry.latest(call.workspace, asked)
    return {"model_versions": [_version(each) for each in found]}


@method("POST", "registered-models/set-tag", Action.MODEL_CHANGE_ALL, NameChoice)
async def set_registered_model_tag(call: Call, asked: NameChoice) -> None:
    """Set a tag of a registered model."""
    await call.mlflow.registry.set_name_tag(call.workspace, asked)


@method("DELETE", "registered-models/delete-tag", Action.MODEL_CHANGE_ALL, NameChoice)
async def delete_registered_model_tag(call: Call, asked: NameChoice) -> None:
    """Remove a tag of a registered model."""
    await call.mlflow.registry.delete_name_tag(call.workspace, asked)


@method("POST", "registered-models/alias", Action.MODEL_CHANGE, NameChoice)
async def set_model_alias(call: Call, asked: NameChoice) -> None:
    """Let an alias stand for a version."""
    await call.mlflow.registry.set_alias(call.workspace, asked, call.principal)


@method("DELETE", "registered-models/alias", Action.MODEL_CHANGE_ALL, NameChoice)
async def delete_model_alias(call: Call, asked: NameChoice) -> None:
    """Remove an alias."""
    await call.mlflow.registry.delete_alias(call.workspace, asked)


@method("GET", "registered-models/alias", Action.MODEL_READ, NameChoice)
async def get_version_of_alias(call: Call, asked: NameChoice) -> Json:
    """The version that an alias stands for."""
    whole = await call.mlflow.registry.of_alias(call.workspace, asked.name, asked.alias)
    return {"model_version": _version(whole)}


@method("POST", "model-versions/create", Action.MODEL_REGISTER, VersionChoice)
async def create_model_version(call: Call, asked: VersionChoice) -> Json:
    """Register files of a run or a logged model as the next version of a name."""
    whole = await call.mlflow.registry.create_version(call.workspace, asked, call.principal)
    return {"model_version": _version(whole)}


@method("GET", "model-versions/get", Action.MODEL_READ, VersionChoice)
async def get_model_version(call: Call, asked: VersionChoice) -> Json:
    """One version."""
    whole = await call.mlflow.registry.get_version(call.workspace, asked.name, asked.version)
    return {"model_version": _version(whole)}


@method("PATCH", "model-versions/update", Action.MODEL_CHANGE, VersionChoice)
async def update_model_version(call: Call, asked: VersionChoice) -> Json:
    """Change the description of a version."""
    whole = await call.mlflow.registry.change_version(call.workspace, asked, call.principal)
    return {"model_version": _version(whole)}


@method("DELETE", "model-versions/delete", Action.MODEL_DELETE, VersionChoice)
async def delete_model_version(call: Call, asked: VersionChoice) -> None:
    """Remove a version for good."""
    await call.mlflow.registry.delete_version(call.workspace, asked)


@method("GET", "model-versions/search", Action.MODEL_READ, Search)
async def search_model_versions(call: Call, asked: Search) -> Json:
    """A page of versions."""
    page = await call.mlflow.registry.search_versions(call.workspace, asked)
    return {"model_versions": [_version(each) for each in page.things], "next_page_token": page.following}


@method("GET", "model-versions/get-download-uri", Action.MODEL_READ, VersionChoice)
async def get_model_download_uri(call: Call, asked: VersionChoice) -> Json:
    """Where the files of a version are."""
    whole = await call.mlflow.registry.get_version(call.workspace, asked.name, asked.version)
    return {"artifact_uri": whole.uri}


@method("POST", "model-versions/set-tag", Action.MODEL_CHANGE, VersionChoice)
async def set_model_version_tag(call: Call, asked: VersionChoice) -> None:
    """Set a tag of a version."""
    await call.mlflow.registry.set_version_tag(call.workspace, asked, call.principal)


@method("DELETE", "model-versions/delete-tag", Action.MODEL_CHANGE, VersionChoice)
async def delete_model_version_tag(call: Call, asked: VersionChoice) -> None:
    """Remove a tag of a version."""
    await call.mlflow.registry.delete_version_tag(call.workspace, asked, call.principal)


@method("POST", "model-versions/transition-stage", Action.MODEL_CHANGE, VersionChoice)
async def transition_model_version(call: Call, asked: VersionChoice) -> Json:
    """Bring a version to a stage."""
    whole = await call.mlflow.registry.come_to_stage(call.workspace, asked, call.principal)
    return {"model_version": _version(whole)}


def _name(whole: WholeName) -> Json:
    return view.registered_model(whole.row, whole.tags, whole.aliases, [_version(each) for each in whole.latest])


def _version(whole: WholeVersion) -> Json:
    return view.model_version(whole.row, whole.tags, whole.aliases, whole.uri)


methods = [
    create_registered_model,
    get_registered_model,
    search_registered_models,
    update_registered_model,
    rename_registered_model,
    delete_registered_model,
    get_latest_versions,
    set_registered_model_tag,
    delete_registered_model_tag,
    set_model_alias,
    delete_model_alias,
    get_version_of_alias,
    create_model_version,
    get_model_version,
    update_model_version,
    delete_model_version,
    search_model_versions,
    get_model_download_uri,
    set_model_version_tag,
    delete_model_version_tag,
    transition_model_version,
]
