"""MLflow's routes of logged models."""

from __future__ import annotations

from litestar import delete, get, patch, post
from litestar.params import FromPath

from terrazul.server.http import does
from terrazul.server.identity.rules import Action
from terrazul.server.mlflow import view
from terrazul.server.mlflow.exchange import Answer, AnyRequest, answer, read
from terrazul.server.mlflow.method import InjectedCall
from terrazul.server.mlflow.service.models import WholeModel
from terrazul.wire.mlflow.answer import Json
from terrazul.wire.mlflow.message import ChangeLoggedModel, CreateLoggedModel, SearchLoggedModels


@post(
    "/logged-models",
    operation_id="mlflow_create_logged_model",
    opt=does(Action.RUN_WRITE, within_reach=True),
    status_code=200,
)
async def create_logged_model(call: InjectedCall, request: AnyRequest) -> Answer:
    """Begin a logged model."""
    whole = await call.mlflow.models.create(call.workspace, await read(request, CreateLoggedModel), call.principal)
    return answer({"model": _view(whole)})


@post(
    "/logged-models/search",
    operation_id="mlflow_search_logged_models",
    opt=does(Action.RUN_READ, within_reach=True),
    status_code=200,
)
async def search_logged_models(call: InjectedCall, request: AnyRequest) -> Answer:
    """A page of the logged models of some experiments."""
    asked = await read(request, SearchLoggedModels)
    page = await call.mlflow.models.search(call.workspace, asked, call.principal)
    return answer({"models": [_view(each) for each in page.things], "next_page_token": page.following})


@get(
    "/logged-models/{model_id:str}",
    operation_id="mlflow_get_logged_model",
    opt=does(Action.RUN_READ, within_reach=True),
)
async def get_logged_model(call: InjectedCall, model_id: FromPath[str]) -> Answer:
    """One logged model."""
    return answer({"model": _view(await call.mlflow.models.get(call.workspace, model_id, call.principal))})


@patch(
    "/logged-models/{model_id:str}",
    operation_id="mlflow_finish_logged_model",
    opt=does(Action.RUN_WRITE, within_reach=True),
)
async def finish_logged_model(call: InjectedCall, model_id: FromPath[str], request: AnyRequest) -> Answer:
    """Say whether all files of a logged model have come."""
    change = await read(request, ChangeLoggedModel)
    return answer({"model": _view(await call.mlflow.models.finish(call.workspace, model_id, change, call.principal))})


@delete(
    "/logged-models/{model_id:str}",
    operation_id="mlflow_delete_logged_model",
    opt=does(Action.RUN_DELETE, within_reach=True),
    status_code=200,
)
async def delete_logged_model(call: InjectedCall, model_id: FromPath[str]) -> Answer:
    """Delete a logged model softly."""
    await call.mlflow.models.delete(call.workspace, model_id, call.principal)
    return answer({})


@patch(
    "/logged-models/{model_id:str}/tags",
    operation_id="mlflow_set_logged_model_tags",
    opt=does(Action.RUN_WRITE, within_reach=True),
)
async def set_logged_model_tags(call: InjectedCall, model_id: FromPath[str], request: AnyRequest) -> Answer:
    """Set tags of a logged model."""
    change = await read(request, ChangeLoggedModel)
    return answer({"model": _view(await call.mlflow.models.set_tags(call.workspace, model_id, change, call.principal))})


@delete(
    "/logged-models/{model_id:str}/tags/{tag_key:str}",
    operation_id="mlflow_delete_logged_model_tag",
    opt=does(Action.RUN_WRITE, within_reach=True),
    status_code=200,
)
async def delete_logged_model_tag(call: InjectedCall, model_id: FromPath[str], tag_key: FromPath[str]) -> Answer:
    """Remove a tag of a logged model."""
    await call.mlflow.models.delete_tag(call.workspace, model_id, tag_key, call.principal)
    return answer({})


@post(
    "/logged-models/{model_id:str}/params",
    operation_id="mlflow_log_logged_model_params",
    opt=does(Action.RUN_WRITE, within_reach=True),
    status_code=200,
)
async def log_logged_model_params(call: InjectedCall, model_id: FromPath[str], request: AnyRequest) -> Answer:
    """Record parameters of a logged model."""
    change = await read(request, ChangeLoggedModel)
    await call.mlflow.models.log_parameters(call.workspace, model_id, change, call.principal)
    return answer({})


def _view(whole: WholeModel) -> Json:
    return view.logged_model(whole.row, whole.tags, whole.parameters, whole.metrics)


handlers = [
    create_logged_model,
    search_logged_models,
    get_logged_model,
    finish_logged_model,
    delete_logged_model,
    set_logged_model_tags,
    delete_logged_model_tag,
    log_logged_model_params,
]
