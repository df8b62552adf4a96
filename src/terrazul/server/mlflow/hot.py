"""The two routes that training waits for, answered without the framework's share of the cost.

They are the routes ``mlflow_log_metric`` and ``mlflow_log_batch``, which stand beside the others with what they
declare; what is not quite ordinary (a body of unknown length, an address written otherwise) goes there.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from terrazul.core.errors import Forbidden, TerrazulError
from terrazul.server.identity.rules import Action, Principal, Target, authorise
from terrazul.server.mlflow.exchange import decode
from terrazul.server.mlflow.routes import recording
from terrazul.server.observation import CLIENT_GONE
from terrazul.server.services import Services
from terrazul.wire.mlflow.error import body_of, code_of
from terrazul.wire.mlflow.message import LogBatch, LogMetric
from terrazul.wire.mlflow.rules import BATCH_BODY_LIMIT

_log = logging.getLogger(__name__)
_PATH = re.compile(r"/api/v1/workspaces/([0-9a-f-]{36})/mlflow/api/2\.0/mlflow/runs/(log-metric|log-batch)\Z")
_SERVER_FAULT = 500
_NOTHING = b"{}"


Record = Callable[[int, Any, Principal], Awaitable[None]]


class HotRoutes:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services
        written = services.mlflow.recording
        self._routes: dict[str, tuple[type, Record, dict[str, Any]]] = {
            "log-metric": (LogMetric, written.log_metric, recording.log_metric.opt),
            "log-batch": (LogBatch, written.log_batch, recording.log_batch.opt),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == ScopeType.HTTP and scope["method"] == "POST":
            match = _PATH.match(scope["path"])
            headers = dict(scope["headers"]) if match else {}
            if match and _is_short(headers.get(b"content-length", b"")):
                await self._record(scope, receive, send, headers, *match.groups())
                return
        await self._app(scope, receive, send)

    async def _record(
        self, scope: Any, receive: Any, send: Any, headers: dict[bytes, bytes], workspace_id: str, name: str
    ) -> None:
        shape, record, declared = self._routes[name]
        status, body = 200, _NOTHING
        try:
            principal = await self._admit(headers, Target(declared["object_type"], workspace_id), declared["action"])
            workspace = await self._services.workspaces.get(workspace_id)
            await record(workspace.key, decode(await _read(receive), shape), principal)
        except _Gone:
            scope["state"][CLIENT_GONE] = True
            return
        except Exception as error:  # noqa: BLE001  # the edge of the application: the client is told
            status, body = _explain(error, scope)
        answered = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if status == 401:  # noqa: PLR2004  # the status with this header
            answered.append((b"www-authenticate", b"Bearer"))
        await send({"type": "http.response.start", "status": status, "headers": answered})
        await send({"type": "http.response.body", "body": body})

    async def _admit(self, headers: dict[bytes, bytes], target: Target, action: Action) -> Principal:
        """Who calls. Raises as the guard of all other routes does."""
        given = headers.get(b"authorization", b"").decode("latin-1")
        principal = await self._services.identities.authenticate(given)
        reason = authorise(principal, action, target)
        if reason:
            raise Forbidden(reason, target=target.workspace_id)
        return principal


class _Gone(Exception):
    """The client went away in the middle of its request."""


def _is_short(length: bytes) -> bool:
    return length.isdigit() and int(length) <= BATCH_BODY_LIMIT


async def _read(receive: Callable[[], Awaitable[Any]]) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise _Gone
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


def _explain(error: Exception, scope: Any) -> tuple[int, bytes]:
    if not isinstance(error, TerrazulError):
        _log.error("%s %s failed", scope["method"], scope["path"], exc_info=error)
        error = TerrazulError(
            f"The server met an error of its own (correlation id {scope['state'].get('correlation_id')})."
        )
    elif error.status >= _SERVER_FAULT:
        _log.error("%s %s failed", scope["method"], scope["path"], exc_info=error)
    return code_of(error)[0], msgspec.json.encode(body_of(error))
