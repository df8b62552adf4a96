"""Answers the methods of MLflow's protocol, and describes them for the OpenAPI document.

They are no routes of the framework: it would take longer over each call than the call itself, and over starting the
server as long as over all other routes together. What has parts of its own in the address, or streams, is a route.
A small file that is sent is taken in here too, under the route's address and name, for the same reason.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from terrazul.core.errors import InvalidInput, TooLarge
from terrazul.server.activity.rules import thing_of_message
from terrazul.server.activity.service.act import ACT, Act
from terrazul.server.blobs.service import SMALL_BYTES
from terrazul.server.http import demand, given_by, send_answer
from terrazul.server.identity.rules import Action, ObjectType, Target, bounded
from terrazul.server.mlflow.exchange import explain
from terrazul.server.mlflow.method import Call, Method
from terrazul.server.mlflow.methods import METHODS
from terrazul.server.mlflow.routes.artifacts import UPLOAD
from terrazul.server.mlflow.service.files import place_of
from terrazul.server.services import Services
from terrazul.wire.mlflow.error import WrongMethod

_ADDRESS = "/api/v1/workspaces/{workspace_id}/mlflow/api/2.0/mlflow/"
_PATH = re.compile(r"/api/v1/workspaces/([^/]+)/mlflow/api/2\.0/mlflow/([a-z-]+/[a-z-]+)\Z")
_FILE = re.compile(
    r"/api/v1/workspaces/([^/]+)/mlflow/api/2\.0/mlflow-artifacts/artifacts/((?:[^/]+/)*[^/]+)\Z", re.DOTALL
)
"""The address of a file, written as the framework would hand it on: without empty parts."""
ACTION = "x-action"
"""Where an OpenAPI document says what the caller of a route must be allowed."""
_DIGITS = 10
_SCHEMAS = "#/components/schemas/Mlflow{name}"


class Protocol:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services
        self._methods: dict[str, dict[str, Method]] = {}
        for each in METHODS:
            self._methods.setdefault(each.name, {}).update(dict.fromkeys(each.verbs, each))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        perform = self._performer(scope, receive)
        if perform is None:
            await self._app(scope, receive, send)
            return
        request: Any = scope
        headers: dict[str, str] = {}
        try:
            status, body = 200, await perform
        except Exception as error:  # noqa: BLE001  # the edge of the application: the client is told
            status, body, headers = explain(request, error)
        await send_answer(send, status, body, headers)

    def _performer(self, scope: Any, receive: Any) -> Awaitable[bytes] | None:
        """What answers a request; None where that is a route."""
        if scope["type"] != ScopeType.HTTP:
            return None
        match = _PATH.match(scope["path"])
        if match is not None:
            known = match.group(2) in self._methods
            return self._perform(scope, receive, *match.groups()) if known else None
        if scope["method"] == "PUT" and (match := _FILE.match(scope["path"])) and _is_small(scope):
            return self._take_file(scope, receive, *match.groups())
        return None

    async def _perform(self, scope: Any, receive: Any, workspace_id: str, name: str) -> bytes:
        verb = scope["method"]
        method = self._methods[name].get(verb)
        if method is None:
            raise WrongMethod(f"{name} is called with {' or '.join(self._methods[name])}, not with {verb}.")
        act: Act = scope["state"][ACT]
        act.operation, act.action = method.operation(verb), method.action
        act.parameters = {"workspace_id": workspace_id}
        call = await self._enter(scope, workspace_id, method.action)
        body = await _read(receive, _length(scope), self._services.settings.body_limit)
        asked = method.read(verb, body, scope["query_string"])
        act.message_thing = thing_of_message(asked, method.action)
        answer = await method.perform(call, asked)
        return msgspec.json.encode(answer or {})

    async def _take_file(self, scope: Any, receive: Any, workspace_id: str, path: str) -> bytes:
        act: Act = scope["state"][ACT]
        act.operation, act.action = UPLOAD, Action.RUN_WRITE
        act.parameters = {"workspace_id": workspace_id, "file_path": path}
        call = await self._enter(scope, workspace_id, Action.RUN_WRITE)
        data = await _read(receive, _length(scope), SMALL_BYTES)
        await call.mlflow.files.receive_small(call.workspace, place_of(path), data, call.principal)
        return b"{}"

    async def _enter(self, scope: Any, workspace_id: str, action: Action) -> Call:
        """Authenticate and authorise; what a call needs, of a workspace that has its default experiment."""
        act: Act = scope["state"][ACT]
        act.principal = principal = await self._services.identities.authenticate(given_by(scope))
        principal = bounded(principal, action, workspace_id)
        # every method looks up what it is about within the reach of its caller
        demand(principal, action, Target(ObjectType.WORKSPACE, workspace_id, within_reach=True))
        workspace = await self._services.workspaces.get(workspace_id)
        await self._services.mlflow.experiments.ensure_default(workspace.key)
        return Call(self._services.mlflow, workspace.key, principal)


def _length(scope: Any) -> bytes:
    """The length that a request announces; empty where it announces none."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return bytes(value)
    return b""


def _is_small(scope: Any) -> bool:
    length = _length(scope)
    return length.isdigit() and len(length) < _DIGITS and int(length) <= SMALL_BYTES


async def _read(receive: Callable[[], Awaitable[Any]], length: bytes, limit: int) -> bytes:
    if length.isdigit() and int(length) > limit:
        raise TooLarge(f"The body has {int(length)} bytes; at most {limit} are taken.")
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise InvalidInput("The request broke off.")
        body += bytes(message.get("body", b""))
        if len(body) > limit:
            raise TooLarge(f"The body has more than the {limit} bytes that are taken.")
        if not message.get("more_body"):
            return body


def describe(document: dict[str, Any]) -> None:
    """Write the methods into an OpenAPI document."""
    shapes = {each.shape: None for each in METHODS}
    schemas, components = msgspec.json.schema_components(shapes, ref_template=_SCHEMAS)
    form_of = dict(zip(shapes, schemas, strict=True))
    document["components"]["schemas"].update({f"Mlflow{name}": form for name, form in components.items()})
    for each in METHODS:
        fields = components[each.shape.__name__]["properties"]
        for verb in each.verbs:
            document["paths"].setdefault(_ADDRESS + each.name, {})[verb.lower()] = _operation(
                each, verb, fields, form_of[each.shape]
            )


def _operation(method: Method, verb: str, fields: dict[str, Any], form: dict[str, Any]) -> dict[str, Any]:
    name = method.perform.__name__
    operation: dict[str, Any] = {
        "summary": name.replace("_", " ").title().replace(" ", ""),
        "description": inspect.getdoc(method.perform),
        "operationId": method.operation(verb),
        ACTION: method.action.value,
        "parameters": [{"name": "workspace_id", "in": "path", "required": True, "schema": {"type": "string"}}],
        "responses": {"200": {"description": "Done", "content": {"application/json": {"schema": {"type": "object"}}}}},
    }
    if verb == "GET":
        asked = [{"name": each, "in": "query", "required": False, "schema": form} for each, form in fields.items()]
        operation["parameters"] += asked
    else:
        operation["requestBody"] = {"required": False, "content": {"application/json": {"schema": form}}}
    return operation
