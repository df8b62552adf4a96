"""What every route shares: who may come in, how errors look, correlation ids."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException, ValidationException
from litestar.handlers import HTTPRouteHandler
from litestar.handlers.base import BaseRouteHandler
from litestar.params import FromPath
from litestar.types import HTTPScope, Send

from terrazul.core.errors import Forbidden, InvalidInput, TerrazulError, TooManyAttempts, Unavailable
from terrazul.server.activity.service.act import ACT, Act
from terrazul.server.identity.rules import Action, ObjectType, Principal, Target, authorise, bounded
from terrazul.server.identity.service.authentication import Given
from terrazul.server.network.rules import SAFE_METHODS
from terrazul.server.observation import CLIENT_GONE
from terrazul.server.services import Services
from terrazul.server.workspace.store import WorkspaceRow
from terrazul.wire.error import ErrorBody
from terrazul.wire.session import CSRF_HEADER

_log = logging.getLogger(__name__)

CORRELATION_HEADER = "Terrazul-Correlation-Id"
PUBLIC = {"public": True}
NOT_KEPT = [ResponseHeader(name="Cache-Control", value="no-store")]
"""The headers of an answer that holds a secret."""
_CODES = {400: "invalid_input", 401: "unauthenticated", 403: "forbidden", 404: "not_found", 405: "method_not_allowed"}
_CODES |= {413: "too_large", 415: "unsupported_media_type"}
_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "1"}}
_SERVER_FAULT = 500
_CSRF_HEADER = CSRF_HEADER.lower().encode()
_KNOWN_BY_WORKSPACE = {ObjectType.SERVER, ObjectType.WORKSPACE}
_IN_EXPERIMENTS = {ObjectType.EXPERIMENT, ObjectType.RUN, ObjectType.SNAPSHOT}

Connection = ASGIConnection[Any, Any, Any, Any]
InjectedServices = NamedDependency[Services]
InjectedPrincipal = NamedDependency[Principal]
InjectedWorkspace = NamedDependency[WorkspaceRow]


def does(
    action: Action, object_type: ObjectType = ObjectType.WORKSPACE, *, within_reach: bool = False
) -> dict[str, Any]:
    """What a route declares of itself: ``opt=does(Action.RUN_READ, ObjectType.RUN)``.

    A route that names no run, experiment or snapshot in its address opens for roles on folders where it is
    ``within_reach``: it heeds the ``reach`` of its caller by itself.
    """
    return {"action": action, "object_type": object_type, "within_reach": within_reach}


async def guard(connection: Connection, handler: BaseRouteHandler) -> None:
    """Authenticate and authorise each call; a route that declares nothing opens for nobody."""
    act = _act_of(connection, handler)
    if handler.opt.get("public"):
        return
    services: Services = connection.app.state.services
    act.principal = principal = await services.identities.authenticate(given_by(connection.scope))
    action = act.action
    if action is None:
        raise Forbidden("This address declares no action, so nobody may use it.")
    principal = bounded(principal, action, connection.path_params.get("workspace_id"))
    target = await _target(services, principal, handler, connection.path_params)
    demand(principal, action, target)
    connection.scope["state"]["principal"] = principal


def given_by(scope: Any) -> Given:
    """What a request brings along to tell who sends it."""
    authorization, csrf_token, cookies = "", "", b""
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorization = authorization or value.decode("latin-1")
        elif name == b"cookie":
            cookies += b";" + value
        elif name == _CSRF_HEADER:
            csrf_token = value.decode("latin-1")
    if authorization or not cookies:
        return Given(authorization)
    session = _value_in(cookies, cookie_of(scope).name)
    return Given("", session, csrf_token, scope["method"] not in SAFE_METHODS)


def cookie_value(scope: Any, name: str) -> str:
    """What a cookie holds that a request brings along; empty where it does not, or brings two."""
    return _value_in(b";".join(value for header, value in scope["headers"] if header == b"cookie"), name)


def _value_in(cookies: bytes, name: str) -> str:
    wanted = name.encode()
    pairs = (each.strip().partition(b"=") for each in cookies.split(b";"))
    found = {value.decode("latin-1") for key, _, value in pairs if key == wanted}
    return found.pop() if len(found) == 1 else ""  # two were set by somebody who cannot read ours


class SessionCookie(NamedTuple):
    """How a session's cookie is called, and whether a browser sends it over HTTPS alone."""

    name: str
    secure: bool


def cookie_of(scope: Any) -> SessionCookie:
    """The cookie of this server, by its port: browsers send cookies to every port of a name."""
    secure = scope["scheme"] == "https"
    _, port = scope.get("server") or ("", None)
    return SessionCookie(f"{'__Host-' if secure else ''}terrazul-{port or 0}", secure)


def _act_of(connection: Connection, handler: BaseRouteHandler) -> Act:
    act: Act = connection.scope["state"][ACT]
    act.action, act.parameters = handler.opt.get("action"), connection.path_params
    if isinstance(handler, HTTPRouteHandler):
        act.operation, act.success = str(handler.operation_id or ""), handler.status_code
    return act


def demand(principal: Principal, action: Action, target: Target) -> None:
    """Raise ``Forbidden`` unless somebody may do something to something."""
    reason = authorise(principal, action, target)
    if reason:
        raise Forbidden(reason, target=target.object_id or target.workspace_id)


async def _target(
    services: Services, principal: Principal, handler: BaseRouteHandler, parameters: dict[str, Any]
) -> Target:
    object_type: ObjectType = handler.opt["object_type"]
    workspace_id, object_id = parameters.get("workspace_id"), parameters.get(f"{object_type.value}_id")
    if object_type in _KNOWN_BY_WORKSPACE or object_id is None:
        return Target(object_type, workspace_id, within_reach=bool(handler.opt.get("within_reach")))
    within = reached = False
    if principal.run_id and workspace_id and workspace_id == principal.workspace_id:
        workspace = await services.workspaces.get(workspace_id)
        within = await _belongs(services, workspace.key, principal.run_id, object_type, object_id)
    elif principal.reach is not None and workspace_id and object_type in _IN_EXPERIMENTS:
        workspace = await services.workspaces.get(workspace_id)
        reached = await services.sight.reaches(workspace.key, object_type, object_id, principal.reach)
    return Target(object_type, workspace_id, object_id, within, reached)


async def _belongs(services: Services, workspace: int, run_id: str, object_type: ObjectType, object_id: str) -> bool:
    """Whether a thing is the run itself or below it, or a thing that these use."""
    if object_type is ObjectType.EXPERIMENT:
        return await services.runs.is_in_experiment(workspace, run_id, object_id)
    if object_type is ObjectType.SNAPSHOT:
        return await services.runs.uses_snapshot(workspace, run_id, object_id)
    if object_type is ObjectType.MODEL:
        return await services.models.is_from_run(workspace, object_id, run_id)
    return await services.runs.is_within(workspace, object_id, run_id)


def provide_services(request: Request[Any, Any, Any]) -> Services:
    """The services of this server."""
    services: Services = request.app.state.services
    return services


def provide_principal(request: Request[Any, Any, Any]) -> Principal:
    """Who calls."""
    principal: Principal = request.scope["state"]["principal"]
    return principal


async def provide_workspace(workspace_id: FromPath[str], services: InjectedServices) -> WorkspaceRow:
    """The workspace that the address names."""
    return await services.workspaces.get(workspace_id)


def key_and_value(text: str) -> tuple[str, str | None]:
    """A filter on tags or properties: ``key``, or ``key=value``."""
    key, separator, value = text.partition("=")
    return key, value if separator else None


def headers_of_download(name: str) -> dict[str, str]:
    """What a browser must know of bytes that users made: to keep them as a file, and to run nothing in them."""
    return {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": "sandbox",
    }


def answer_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """As ``explain``, as a response."""
    status, body, headers = explain(request.scope, error)
    return Response(body, status_code=status, media_type="application/json", headers=headers)


def explain(scope: HTTPScope, error: Exception) -> tuple[int, bytes, dict[str, str]]:
    """Status, ``ErrorBody`` and headers for any error; one that is not ours is logged and told without its inside."""
    correlation_id = scope["state"].get("correlation_id")
    if scope["state"].get(CLIENT_GONE):
        error = InvalidInput("The request broke off.")  # nobody reads this, and it is no fault to look into
    status, body = _describe(error, correlation_id)
    scope["state"][ACT].reason = body.message
    log_fault(scope, status, error)
    headers = headers_of_error(status)
    if isinstance(error, TooManyAttempts):
        headers = {**headers, "Retry-After": str(error.retry_after)}
    return status, msgspec.json.encode(body), headers


async def send_answer(send: Send, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    """Answer a request with JSON, before or without the framework."""
    told = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    head: Any = {
        "type": "http.response.start",
        "status": status,
        "headers": [(name.lower().encode(), value.encode()) for name, value in told.items()],
    }
    await send(head)
    await send({"type": "http.response.body", "body": body, "more_body": False})


def headers_of_error(status: int) -> dict[str, str]:
    """What a client must know besides the body: how to come in, or when to come again."""
    return _HEADERS.get(status, {})


def log_fault(scope: HTTPScope, status: int, error: Exception) -> None:
    """Log an error of the server's own, with where it was raised unless the database was away and all is told."""
    if isinstance(error, Unavailable):
        _log.warning("%s %s failed: %s", scope["method"], scope["path"], error.message)
    elif status >= _SERVER_FAULT:
        _log.error("%s %s failed", scope["method"], scope["path"], exc_info=error)


def _describe(error: Exception, correlation_id: str | None) -> tuple[int, ErrorBody]:
    if isinstance(error, TerrazulError):
        body = ErrorBody(error.code, error.message, error.target, error.hint, correlation_id)
        return error.status, body
    if isinstance(error, ValidationException):
        details = "; ".join(_detail(each) for each in (error.extra or [])) or str(error.detail)
        message = f"The request does not have the form it must have: {details}."
        return 400, ErrorBody("invalid_input", message, correlation_id=correlation_id)
    if isinstance(error, (msgspec.DecodeError, UnicodeDecodeError, RecursionError)):
        message = f"The body is not the JSON that this address takes: {error}."
        return 400, ErrorBody("invalid_input", message, correlation_id=correlation_id)
    if isinstance(error, HTTPException) and error.status_code < _SERVER_FAULT:
        code = _CODES.get(error.status_code, "user_error")
        return error.status_code, ErrorBody(code, str(error.detail), correlation_id=correlation_id)
    message = "The server met an error of its own."
    hint = "Look for the correlation id in the server's log."
    return _SERVER_FAULT, ErrorBody("internal_error", message, hint=hint, correlation_id=correlation_id)


def _detail(part: Any) -> str:
    if isinstance(part, dict):
        return ": ".join(str(part[name]) for name in ("key", "message") if part.get(name))
    return str(part)
