"""The HTTP of models. The names of their files travel as the query parameter `path`."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Router, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import Stream

from terrazul.core.paths import check_relative_path
from terrazul.server.download import answer_content
from terrazul.server.http import InjectedPrincipal, InjectedServices, InjectedWorkspace, does, key_and_value
from terrazul.server.identity.rules import Action, ObjectType
from terrazul.server.model.store import Filter
from terrazul.wire.lineage import Edge
from terrazul.wire.model import Model, ModelChange, ModelPage, NewModel

Texts = FromQuery[list[str] | None]


@get("/", operation_id="list_models", opt=does(Action.MODEL_READ))
async def list_models(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    name: FromQuery[str | None] = None,
    tag: Texts = None,
    property_: Annotated[list[str] | None, QueryParameter(name="property")] = None,
    run_id: FromQuery[str | None] = None,
    framework: FromQuery[str | None] = None,
    dataset_id: FromQuery[str | None] = None,
    latest: FromQuery[bool] = False,
    limit: FromQuery[int] = 100,
    page: FromQuery[str | None] = None,
) -> ModelPage:
    """Models, newest first, without their files; with `latest` only the newest of each name that fits the rest.

    `tag` and `property` are `key` or `key=value` and may stand several times.
    """
    wanted = Filter(
        name=name,
        tags=[key_and_value(text) for text in tag or []],
        properties=[key_and_value(text) for text in property_ or []],
        run_id=run_id,
        framework=framework,
        dataset_id=dataset_id,
        latest=latest,
    )
    return await services.models.search(workspace.key, wanted, limit, page)


@post("/", operation_id="register_model", opt=does(Action.MODEL_REGISTER), status_code=200)
async def register_model(
    services: InjectedServices, workspace: InjectedWorkspace, principal: InjectedPrincipal, data: JSONBody[NewModel]
) -> Model:
    """Register files, or files of a run, as the next version of a name; sent twice, it counts once."""
    await services.sight.check_contents(workspace.key, [file.digest for file in data.files], principal)
    return await services.models.register(workspace.key, data, principal)


@get("/{model_id:str}", operation_id="get_model", opt=does(Action.MODEL_READ))
async def get_model(services: InjectedServices, workspace: InjectedWorkspace, model_id: FromPath[str]) -> Model:
    """The model `name:version`, or the newest version of a name, with its files."""
    return await services.models.get(workspace.key, model_id)


@patch("/{model_id:str}", operation_id="change_model", opt=does(Action.MODEL_CHANGE, ObjectType.MODEL))
async def change_model(
    services: InjectedServices, workspace: InjectedWorkspace, model_id: FromPath[str], data: JSONBody[ModelChange]
) -> Model:
    """Change what describes a version of a model."""
    return await services.models.change(workspace.key, model_id, data)


@delete("/{model_id:str}", operation_id="delete_model", opt=does(Action.MODEL_DELETE, ObjectType.MODEL))
async def delete_model(services: InjectedServices, workspace: InjectedWorkspace, model_id: FromPath[str]) -> None:
    """Delete a version of a model that nothing uses; the version is not given again."""
    await services.models.delete(workspace.key, model_id)
    services.remover.wake()


@get("/{model_id:str}/file", operation_id="download_model_file", opt=does(Action.MODEL_READ))
async def download_model_file(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    model_id: FromPath[str],
    path: FromQuery[str],
    request: Request[Any, Any, Any],
) -> Stream:
    """The bytes of a file, checked against its digest, or the part of them that a `Range` header asks for."""
    content = await services.models.open_file(workspace.key, model_id, check_relative_path(path))
    return await answer_content(services.contents, content, path, request)


@get("/{model_id:str}/lineage", operation_id="get_model_lineage", opt=does(Action.LINEAGE_READ))
async def get_model_lineage(
    services: InjectedServices, workspace: InjectedWorkspace, model_id: FromPath[str]
) -> list[Edge]:
    """What a model was made with, and what uses it."""
    return await services.models.lineage(workspace.key, model_id)


router = Router(
    "/models",
    route_handlers=[
        list_models,
        register_model,
        get_model,
        change_model,
        delete_model,
        download_model_file,
        get_model_lineage,
    ],
)
