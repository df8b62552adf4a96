"""Answers the methods of MLflow's protocol, and describes them for the OpenAPI document.

They are no routes of the framework: it would take longer over each call than the call itself, and over starting the
server as long as over all other routes together. What has parts of its own in the address, or streams, is a route.
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
from terrazul.server.http import demand, given_by, send_answer
from terrazul.server.identity.rules import ObjectType, Target, bounded
from terrazul.server.mlflow.exchange import explain
from terrazul.server.mlflow.method import Call, Method
from terrazul.server.mlflow.methods import METHODS
from terrazul.server.services import Services
from terrazul.wire.mlflow.error import WrongMethod

_ADDRESS = "/api/v1/workspaces/{workspace_id}/mlflow/api/2.0/mlflow/"
_PATH = re.compile(r"/api/v1/workspaces/([^/]+)/mlflow/api/2\.0/mlflow/([a-z-]+/[a-z-]+)\Z")
ACTION = "x-action"
"""Where an OpenAPI document says what the caller of a route must be allowed."""
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
        match = _PATH.match(scope["path"]) if scope["type"] == ScopeType.HTTP else None
        if match is None or match.group(2) not in self._methods:
            await self._app(scope, receive, send)
        else:
            await self._answer(scope, receive, send, *match.groups())

    async def _answer(self, scope: Any, receive: Any, send: Send, workspace_id: str, name: str) -> None:
        headers: dict[str, str] = {}
        try:
            status, body = 200, await self._perform(scope, receive, workspace_id, name)
        except Exception as error:  # noqa: BLE001  # the edge of the application: the client is told
            status, body, headers = explain(scope, error)
        await send_answer(send, status, body, headers)

    async def _perform(self, scope: Any, receive: Any, workspace_id: str, name: str) -> bytes:
        verb = scope["method"]
        method = self._methods[name].get(verb)
        if method is None:
            raise WrongMethod(f"{name} is called with {' or '.join(self._methods[name])}, not with {verb}.")
        act: Act = scope["state"][ACT]
        act.operation, act.action = method.operation(verb), method.action
        act.parameters = {"workspace_id": workspace_id}
        headers = dict(scope["headers"])
        act.principal = principal = await self._services.identities.authenticate(given_by(scope))
        principal = bounded(principal, method.action, workspace_id)
        # every method looks up what it is about within the reach of its caller
        demand(principal, method.action, Target(ObjectType.WORKSPACE, workspace_id, within_reach=True))
        workspace = await self._services.workspaces.get(workspace_id)
        await self._services.mlflow.experiments.ensure_default(workspace.key)
        body = await _read(receive, headers.get(b"content-length", b""), self._services.settings.body_limit)
        asked = method.read(verb, body, scope["query_string"])
        act.message_thing = thing_of_message(asked, method.action)
        answer = await method.perform(Call(self._services.mlflow, workspace.key, principal), asked)
        return msgspec.json.encode(answer or {})


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
