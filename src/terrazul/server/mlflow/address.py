"""Where MLflow's addresses lead: the bare server is the MLflow server of the default workspace.

The default workspace is the oldest one. The addresses of MLflow's own pages (``/ajax-api``) are those of its API.
"""

from __future__ import annotations

from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from terrazul.server.services import Services
from terrazul.wire.workspace import NewWorkspace

_AJAX = "/ajax-api/"
_API = "/api/"
_BARE = ("/api/2.0/", "/api/3.0/", _AJAX, "/get-artifact", "/model-versions/get-artifact", "/version")
_WORKSPACES = "/api/v1/workspaces/"
_MLFLOW = "mlflow"
_FIRST_NAME = "default"


def is_mlflow(path: str) -> bool:
    """True for a path that MLflow's protocol answers, errors included."""
    return path.startswith(_BARE) or (path.startswith(_WORKSPACES) and path.split("/")[5:6] == [_MLFLOW])


class Redirection:
    """Wraps the application: gives MLflow's other addresses the one under which the routes know them."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope.get("path", "")
        if scope["type"] == ScopeType.HTTP and is_mlflow(path):
            await self._lead(scope, path)
        await self._app(scope, receive, send)

    async def _lead(self, scope: Any, path: str) -> None:
        if path.startswith(_BARE):
            path = f"{_WORKSPACES}{await self._default()}/{_MLFLOW}{path}"
        begin, ajax, rest = path.partition(f"/{_MLFLOW}{_AJAX}")
        if ajax and begin.count("/") == _WORKSPACES.count("/"):
            path = f"{begin}/{_MLFLOW}{_API}{rest}"
        scope["path"] = path
        scope["raw_path"] = path.encode()

    async def _default(self) -> str:
        """The id of the default workspace; an installation without one gets it, unless it is shared."""
        found = await self._services.workspaces.oldest()
        if found is None and not self._services.settings.shared:
            new = NewWorkspace("local", "terrazul", _FIRST_NAME, exist_ok=True)
            found = await self._services.workspaces.create(new, self._services.owner)
        return found.workspace_id if found else "none"
