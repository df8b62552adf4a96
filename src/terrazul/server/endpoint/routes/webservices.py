"""The HTTP of web services."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from litestar import Response, Router, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from terrazul.server.changes import LONGEST_WAIT
from terrazul.server.endpoint.service.view import Filter
from terrazul.server.http import (
    NOT_KEPT,
    InjectedPrincipal,
    InjectedServices,
    InjectedWorkspace,
    does,
    headers_of_download,
    key_and_value,
)
from terrazul.server.identity.rules import Action, ObjectType
from terrazul.wire.endpoint import (
    KeyChoice,
    NewWebservice,
    Orders,
    ServiceReport,
    Webservice,
    WebserviceChange,
    WebserviceKeys,
)


@get("/", operation_id="list_webservices", opt=does(Action.ENDPOINT_READ))
async def list_webservices(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    compute_type: FromQuery[str | None] = None,
    model_name: FromQuery[str | None] = None,
    model_id: FromQuery[str | None] = None,
    image_id: FromQuery[str | None] = None,
    tag: FromQuery[list[str] | None] = None,
    property_: Annotated[list[str] | None, QueryParameter(name="property")] = None,
) -> list[Webservice]:
    """Web services by name. `tag` and `property` are `key` or `key=value` and may stand several times."""
    wanted = Filter(
        compute_type=compute_type,
        model_name=model_name,
        model_id=model_id,
        image_id=image_id,
        tags=[key_and_value(text) for text in tag or []],
        properties=[key_and_value(text) for text in property_ or []],
    )
    return await services.webservices.search(workspace.key, wanted)


@post("/", operation_id="deploy_webservice", opt=does(Action.ENDPOINT_WRITE), status_code=200)
async def deploy_webservice(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    data: JSONBody[NewWebservice],
) -> Webservice:
    """Want a web service; it comes about by itself. Sent twice, it counts once."""
    return await services.webservices.deploy(workspace, data, principal.name)


@get("/{webservice_id:str}", operation_id="get_webservice", opt=does(Action.ENDPOINT_READ, ObjectType.WEBSERVICE))
async def get_webservice(
    services: InjectedServices, workspace: InjectedWorkspace, webservice_id: FromPath[str]
) -> Webservice:
    """One web service, by its name."""
    return await services.webservices.get(workspace.key, webservice_id)


@get(
    "/{webservice_id:str}/wait",
    operation_id="wait_for_webservice",
    opt=does(Action.ENDPOINT_READ, ObjectType.WEBSERVICE),
)
async def wait_for_webservice(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    webservice_id: FromPath[str],
    service_state: Annotated[str | None, QueryParameter(name="state")] = None,
    revision: FromQuery[int | None] = None,
    seconds: FromQuery[float] = LONGEST_WAIT,
) -> Webservice:
    """The web service, as soon as it is in another state, or another revision is wanted, than these.

    Without `state`, as soon as it is not `Transitioning`; in any case after the seconds (at most 30).
    """
    return await services.webservices.wait(workspace.key, webservice_id, service_state, revision, seconds)


@patch("/{webservice_id:str}", operation_id="change_webservice", opt=does(Action.ENDPOINT_WRITE, ObjectType.WEBSERVICE))
async def change_webservice(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    webservice_id: FromPath[str],
    data: JSONBody[WebserviceChange],
) -> Webservice:
    """Change a web service; the old revision goes on serving until the new one is healthy."""
    return await services.webservices.change(workspace.key, webservice_id, data, principal.name)


@delete(
    "/{webservice_id:str}", operation_id="delete_webservice", opt=does(Action.ENDPOINT_DELETE, ObjectType.WEBSERVICE)
)
async def delete_webservice(
    services: InjectedServices, workspace: InjectedWorkspace, webservice_id: FromPath[str]
) -> None:
    """End a web service and remove all of it; name and port are free when the answer comes."""
    await services.webservices.delete(workspace.key, webservice_id)


@get(
    "/{webservice_id:str}/keys",
    operation_id="get_webservice_keys",
    opt=does(Action.ENDPOINT_READ_KEYS, ObjectType.WEBSERVICE),
    response_headers=NOT_KEPT,
)
async def get_webservice_keys(
    services: InjectedServices, workspace: InjectedWorkspace, webservice_id: FromPath[str]
) -> WebserviceKeys:
    """Both keys; that they were handed out is put on record."""
    return await services.webservices.keys(workspace.key, webservice_id)


@post(
    "/{webservice_id:str}/keys",
    operation_id="make_webservice_key",
    opt=does(Action.ENDPOINT_WRITE_KEYS, ObjectType.WEBSERVICE),
    status_code=200,
    response_headers=NOT_KEPT,
)
async def make_webservice_key(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    webservice_id: FromPath[str],
    data: JSONBody[KeyChoice],
) -> WebserviceKeys:
    """Make one key anew; the answer comes when the old one opens nothing any more."""
    return await services.webservices.make_key(workspace.key, webservice_id, data, principal.name)


@post(
    "/{webservice_id:str}/reload",
    operation_id="reload_webservice",
    opt=does(Action.ENDPOINT_WRITE, ObjectType.WEBSERVICE),
    status_code=200,
)
async def reload_webservice(
    services: InjectedServices, workspace: InjectedWorkspace, webservice_id: FromPath[str]
) -> Webservice:
    """Have all workers started anew, one after another."""
    return await services.webservices.reload(workspace.key, webservice_id)


@get(
    "/{webservice_id:str}/logs",
    operation_id="get_webservice_log",
    opt=does(Action.ENDPOINT_READ, ObjectType.WEBSERVICE),
)
async def get_webservice_log(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    webservice_id: FromPath[str],
    lines: FromQuery[int] = 5000,
) -> Response[str]:
    """The last lines that supervisor and entry script have said."""
    text = await services.webservices.log(workspace.key, webservice_id, lines)
    return Response(text, media_type="text/plain; charset=utf-8", headers=headers_of_download(f"{webservice_id}.log"))


@post(
    "/{webservice_id:str}/exchange",
    operation_id="exchange_with_webservice",
    opt=does(Action.ENDPOINT_SERVE, ObjectType.WEBSERVICE),
    status_code=200,
)
async def exchange_with_webservice(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    webservice_id: FromPath[str],
    data: JSONBody[ServiceReport],
) -> Orders:
    """For the supervisor of the web service: it reports, and gets its orders. For nobody else are they kept back."""
    if principal.webservice is None:
        data = replace(data, wait_seconds=0.0)
    return await services.supervision.exchange(workspace.key, webservice_id, data)


router = Router(
    "/webservices",
    route_handlers=[
        list_webservices,
        deploy_webservice,
        get_webservice,
        wait_for_webservice,
        change_webservice,
        delete_webservice,
        get_webservice_keys,
        make_webservice_key,
        reload_webservice,
        get_webservice_log,
        exchange_with_webservice,
    ],
)
