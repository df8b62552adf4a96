"""MLflow's routes of the registry."""

from __future__ import annotations

from litestar import delete, get, patch, post

from terrazul.server.http import does
from terrazul.server.identity.rules import Action
from terrazul.server.mlflow import view
from terrazul.server.mlflow.exchange import Answer, AnyRequest, InjectedCall, answer, read, read_any, read_query
from terrazul.server.mlflow.service.registry import WholeName, WholeVersion
from terrazul.wire.mlflow.answer import Json
from terrazul.wire.mlflow.message import NameChoice, Search, VersionChoice


@post(
    "/registered-models/create",
    operation_id="mlflow_create_registered_model",
    opt=does(Action.MODEL_REGISTER),
    status_code=200,
)
async def create_registered_model(call: InjectedCall, request: AnyRequest) -> Answer:
    """Make a registered model without versions."""
    whole = await call.mlflow.registry.create_name(call.workspace, await read(request, NameChoice), call.principal)
    return answer({"registered_model": _name(whole)})


@get("/registered-models/get", operation_id="mlflow_get_registered_model", opt=does(Action.MODEL_READ))
async def get_registered_model(call: InjectedCall, request: AnyRequest) -> Answer:
    """One registered model."""
    whole = await call.mlflow.registry.get_name(call.workspace, read_query(request, NameChoice).name)
    return answer({"registered_model": _name(whole)})


@get("/registered-models/search", operation_id="mlflow_search_registered_models", opt=does(Action.MODEL_READ))
async def search_registered_models(call: InjectedCall, request: AnyRequest) -> Answer:
    """A page of registered models."""
    page = await call.mlflow.registry.search_names(call.workspace, read_query(request, Search))
    return answer({"registered_models": [_name(each) for each in page.things], "next_page_token": page.following})


@patch("/registered-models/update", operation_id="mlflow_update_registered_model", opt=does(Action.MODEL_CHANGE_ALL))
async def update_registered_model(call: InjectedCall, request: AnyRequest) -> Answer:
    """Change the description of a registered model."""
    whole = await call.mlflow.registry.change_name(call.workspace, await read(request, NameChoice))
    return answer({"registered_model": _name(whole)})


@post(
    "/registered-models/rename",
    operation_id="mlflow_rename_registered_model",
    opt=does(Action.MODEL_CHANGE_ALL),
    status_code=200,
)
async def rename_registered_model(call: InjectedCall, request: AnyRequest) -> Answer:
    """Give a registered model another name."""
    whole = await call.mlflow.registry.change_name(call.workspace, await read(request, NameChoice))
    return answer({"registered_model": _name(whole)})


@delete(
    "/registered-models/delete",
    operation_id="mlflow_delete_registered_model",
    opt=does(Action.MODEL_DELETE),
    status_code=200,
)
async def delete_registered_model(call: InjectedCall, request: AnyRequest) -> Answer:
    """Remove a registered model with all its versions."""
    await call.mlflow.registry.delete_name(call.workspace, (await read_any(request, NameChoice)).name)
    return answer({})


@post(
    "/registered-models/get-latest-versions",
    operation_id="mlflow_get_latest_versions",
    opt=does(Action.MODEL_READ),
    status_code=200,
)
async def get_latest_versions(call: InjectedCall, request: AnyRequest) -> Answer:
    """Of each stage the newest version."""
    found = await call.mlflow.registry.latest(call.workspace, await read(request, NameChoice))
    return answer({"model_versions": [_version(each) for each in found]})


@get("/registered-models/get-latest-versions", operation_id="mlflow_list_latest_versions", opt=does(Action.MODEL_READ))
async def list_latest_versions(call: InjectedCall, request: AnyRequest) -> Answer:
    """Of each stage the newest version."""
    found = await call.mlflow.registry.latest(call.workspace, read_query(request, NameChoice))
    return answer({"model_versions": [_version(each) for each in found]})


@post(
    "/registered-models/set-tag",
    operation_id="mlflow_set_registered_model_tag",
    opt=does(Action.MODEL_CHANGE_ALL),
    status_code=200,
)
async def set_registered_model_tag(call: InjectedCall, request: AnyRequest) -> Answer:
    """Set a tag of a registered model."""
    await call.mlflow.registry.set_name_tag(call.workspace, await read(request, NameChoice))
    return answer({})


@delete(
    "/registered-models/delete-tag",
    operation_id="mlflow_delete_registered_model_tag",
    opt=does(Action.MODEL_CHANGE_ALL),
    status_code=200,
)
async def delete_registered_model_tag(call: InjectedCall, request: AnyRequest) -> Answer:
    """Remove a tag of a registered model."""
    await call.mlflow.registry.delete_name_tag(call.workspace, await read_any(request, NameChoice))
    return answer({})


@post(
    "/registered-models/alias",
    operation_id="mlflow_set_model_alias",
    opt=does(Action.MODEL_CHANGE),
    status_code=200,
)
async def set_model_alias(call: InjectedCall, request: AnyRequest) -> Answer:
    """Let an alias stand for a version."""
    await call.mlflow.registry.set_alias(call.workspace, await read(request, NameChoice), call.principal)
    return answer({})


@delete(
    "/registered-models/alias",
    operation_id="mlflow_delete_model_alias",
    opt=does(Action.MODEL_CHANGE_ALL),
    status_code=200,
)
async def delete_model_alias(call: InjectedCall, request: AnyRequest) -> Answer:
    """Remove an alias."""
    await call.mlflow.registry.delete_alias(call.workspace, await read_any(request, NameChoice))
    return answer({})


@get("/registered-models/alias", operation_id="mlflow_get_version_of_alias", opt=does(Action.MODEL_READ))
async def get_version_of_alias(call: InjectedCall, request: AnyRequest) -> Answer:
    """The version that an alias stands for."""
    asked = read_query(request, NameChoice)
    whole = await call.mlflow.registry.of_alias(call.workspace, asked.name, asked.alias)
    return answer({"model_version": _version(whole)})


@post(
    "/model-versions/create",
    operation_id="mlflow_create_model_version",
    opt=does(Action.MODEL_REGISTER),
    status_code=200,
)
async def create_model_version(call: InjectedCall, request: AnyRequest) -> Answer:
    """Register files of a run or a logged model as the next version of a name."""
    asked = await read(request, VersionChoice)
    whole = await call.mlflow.registry.create_version(call.workspace, asked, call.principal)
    return answer({"model_version": _version(whole)})


@get("/model-versions/get", operation_id="mlflow_get_model_version", opt=does(Action.MODEL_READ))
async def get_model_version(call: InjectedCall, request: AnyRequest) -> Answer:
    """One version."""
    asked = read_query(request, VersionChoice)
    whole = await call.mlflow.registry.get_version(call.workspace, asked.name, asked.version)
    return answer({"model_version": _version(whole)})


@patch("/model-versions/update", operation_id="mlflow_update_model_version", opt=does(Action.MODEL_CHANGE))
async def update_model_version(call: InjectedCall, request: AnyRequest) -> Answer:
    """Change the description of a version."""
    whole = await call.mlflow.registry.change_version(
        call.workspace, await read(request, VersionChoice), call.principal
    )
    return answer({"model_version": _version(whole)})


@delete(
    "/model-versions/delete",
    operation_id="mlflow_delete_model_version",
    opt=does(Action.MODEL_DELETE),
    status_code=200,
)
async def delete_model_version(call: InjectedCall, request: AnyRequest) -> Answer:
    """Remove a version for good."""
    await call.mlflow.registry.delete_version(call.workspace, await read_any(request, VersionChoice))
    return answer({})


@get("/model-versions/search", operation_id="mlflow_search_model_versions", opt=does(Action.MODEL_READ))
async def search_model_versions(call: InjectedCall, request: AnyRequest) -> Answer:
    """A page of versions."""
    page = await call.mlflow.registry.search_versions(call.workspace, read_query(request, Search))
    return answer({"model_versions": [_version(each) for each in page.things], "next_page_token": page.following})


@get("/model-versions/get-download-uri", operation_id="mlflow_get_model_download_uri", opt=does(Action.MODEL_READ))
async def get_model_download_uri(call: InjectedCall, request: AnyRequest) -> Answer:
    """Where the files of a version are."""
    asked = read_query(request, VersionChoice)
    whole = await call.mlflow.registry.get_version(call.workspace, asked.name, asked.version)
    return answer({"artifact_uri": whole.uri})


@post(
    "/model-versions/set-tag",
    operation_id="mlflow_set_model_version_tag",
    opt=does(Action.MODEL_CHANGE),
    status_code=200,
)
async def set_model_version_tag(call: InjectedCall, request: AnyRequest) -> Answer:
    """Set a tag of a version."""
    await call.mlflow.registry.set_version_tag(call.workspace, await read(request, VersionChoice), call.principal)
    return answer({})


@delete(
    "/model-versions/delete-tag",
    operation_id="mlflow_delete_model_version_tag",
    opt=does(Action.MODEL_CHANGE),
    status_code=200,
)
async def delete_model_version_tag(call: InjectedCall, request: AnyRequest) -> Answer:
    """Remove a tag of a version."""
    await call.mlflow.registry.delete_version_tag(
        call.workspace, await read_any(request, VersionChoice), call.principal
    )
    return answer({})


@post(
    "/model-versions/transition-stage",
    operation_id="mlflow_transition_model_version",
    opt=does(Action.MODEL_CHANGE),
    status_code=200,
)
async def transition_model_version(call: InjectedCall, request: AnyRequest) -> Answer:
    """Bring a version to a stage."""
    whole = await call.mlflow.registry.come_to_stage(call.workspace, await read(request, VersionChoice), call.principal)
    return answer({"model_version": _version(whole)})


def _name(whole: WholeName) -> Json:
    return view.registered_model(whole.row, whole.tags, whole.aliases, [_version(each) for each in whole.latest])


def _version(whole: WholeVersion) -> Json:
    return view.model_version(whole.row, whole.tags, whole.aliases, whole.uri)


handlers = [
    create_registered_model,
    get_registered_model,
    search_registered_models,
    update_registered_model,
    rename_registered_model,
    delete_registered_model,
    get_latest_versions,
    list_latest_versions,
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
