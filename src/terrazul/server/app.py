"""The HTTP application: every route, with who may use it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from typing import Any

from litestar import Litestar, Request, Response, Router, get
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp

from terrazul.core.errors import TerrazulError
from terrazul.core.version import __version__
from terrazul.server.activity import routes as activity
from terrazul.server.blobs import routes as blobs
from terrazul.server.compute import routes as computes
from terrazul.server.dataset import routes as datasets
from terrazul.server.datastore.routes import datastores
from terrazul.server.datastore.routes import files as data_files
from terrazul.server.deletion import routes as deletions
from terrazul.server.endpoint.routes import images, webservices
from terrazul.server.environment import routes as environments
from terrazul.server.experiment import routes as experiments
from terrazul.server.hold import routes as holds
from terrazul.server.http import (
    PUBLIC,
    InjectedPrincipal,
    InjectedServices,
    answer_error,
    does,
    guard,
    provide_principal,
    provide_services,
    provide_workspace,
)
from terrazul.server.identity.routes import sessions, single_sign_on
from terrazul.server.identity.routes import users as identity
from terrazul.server.identity.rules import Action, ObjectType
from terrazul.server.importing import routes as importing
from terrazul.server.mlflow import routes as mlflow
from terrazul.server.mlflow.address import Redirection, is_mlflow
from terrazul.server.mlflow.exchange import answer_error as answer_mlflow_error
from terrazul.server.mlflow.protocol import ACTION, Protocol, describe
from terrazul.server.model import routes as models
from terrazul.server.network.gate import Gate
from terrazul.server.observation import Figures, Observation
from terrazul.server.page import routes as pages
from terrazul.server.quota import routes as quotas
from terrazul.server.recording import Recording
from terrazul.server.run.routes import datasets as run_datasets
from terrazul.server.run.routes import files as run_files
from terrazul.server.run.routes import runs
from terrazul.server.run.routes import secrets as run_secrets
from terrazul.server.services import Services
from terrazul.server.snapshot import routes as snapshots
from terrazul.server.status import status_of
from terrazul.server.vault import routes as vault
from terrazul.server.webhook import routes as webhooks
from terrazul.server.workspace import routes as workspaces
from terrazul.wire.server import ServerInfo, ServerStatus

Announce = Callable[[], AbstractContextManager[None]]
Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


@get("/health", operation_id="health", opt=PUBLIC)
async def health() -> dict[str, str]:
    """The server answers."""
    return {"status": "ok"}


@get("/api/v1/server", operation_id="get_server", opt=does(Action.SERVER_READ, ObjectType.SERVER))
async def get_server(services: InjectedServices, principal: InjectedPrincipal) -> ServerInfo:
    """Who answers, and to whom."""
    settings = services.settings
    return ServerInfo(__version__, not settings.shared, principal.name, settings.snapshot_limit)


@get("/api/v1/server/status", operation_id="get_server_status", opt=does(Action.SERVER_INSPECT, ObjectType.SERVER))
async def get_server_status(services: InjectedServices) -> ServerStatus:
    """What the server holds and does at this moment."""
    return await status_of(services)


def build(services: Services, announce: Announce, token: str, names: list[str]) -> ASGIApp:
    """The application, guarded and observed.

    ``announce`` is entered while it answers, ``token`` is its owner's, and ``names`` are those it may be addressed by.
    """
    figures = Figures(services.database)

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        await services.start(token)
        try:
            with announce():
                yield
        finally:
            await services.stop()

    application = Protocol(application_of(services, figures, lifespan), services)
    return Observation(Recording(Gate(Redirection(application, services), names), services.activity), figures)


def application_of(services: Services, figures: Figures, *lifespan: Lifespan) -> Litestar:
    """Every route over these services."""

    @get("/metrics", operation_id="get_metrics", opt=does(Action.SERVER_READ, ObjectType.SERVER))
    async def get_metrics() -> Response[bytes]:
        """Figures in Prometheus's text format."""
        return Response(figures.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    application = Litestar(
        [*pages.handlers, *single_sign_on.handlers, health, get_server, get_server_status, get_metrics, _api()],
        guards=[guard],
        dependencies={
            "services": Provide(provide_services, sync_to_thread=False),
            "principal": Provide(provide_principal, sync_to_thread=False),
        },
        exception_handlers={TerrazulError: _answer_error, Exception: _answer_error},
        lifespan=list(lifespan),
        openapi_config=_openapi(),
        request_max_body_size=services.settings.body_limit,
        logging_config=None,
    )
    application.state.services = services
    return application


def _answer_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """An address that no route knows is answered in the form of the protocol it belongs to."""
    return (answer_mlflow_error if is_mlflow(request.url.path) else answer_error)(request, error)


def _api() -> Router:
    workspace = _Branch(
        "/workspaces/{workspace_id:str}",
        route_handlers=[
            *workspaces.handlers,
            datastores.router,
            data_files.router,
            datasets.router,
            environments.router,
            computes.router,
            computes.list_compute_sizes,
            snapshots.router,
            blobs.router,
            experiments.router,
            experiments.folders,
            runs.router,
            run_files.router,
            run_secrets.router,
            holds.router,
            run_datasets.router,
            deletions.router,
            importing.router,
            mlflow.router,
            models.router,
            webservices.router,
            images.router,
            identity.members,
            vault.router,
            webhooks.router,
            activity.router,
            quotas.router,
        ],
        dependencies={"workspace": Provide(provide_workspace)},
    )
    return _Branch(
        "/api/v1",
        route_handlers=[
            workspaces.collection,
            workspace,
            *identity.handlers,
            *sessions.handlers,
            vault.vault,
            datastores.list_datastore_kinds,
            activity.collection,
        ],
    )


class _Branch(Router):
    """A router that is made for one application: the framework's copies of it would take half of the start."""

    def __deepcopy__(self, _memo: object) -> _Branch:
        return self


def _openapi() -> OpenAPIConfig:
    options: dict[str, Any] = does(Action.SERVER_READ, ObjectType.SERVER)
    return OpenAPIConfig(
        title="Terrazul",
        version=__version__,
        use_handler_docstrings=True,
        openapi_router=Router("/api/v1", route_handlers=[], opt=options),
        render_plugins=[_WholeDocument(path="/openapi.json")],
    )


class _WholeDocument(JsonRenderPlugin):
    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The framework's document, with what it does not know."""
        _complete(openapi_schema, request.app)
        return super().render(request, openapi_schema)


def document_of(application: Litestar) -> dict[str, Any]:
    """The OpenAPI document of all routes and methods."""
    document = application.openapi_schema.to_schema()
    _complete(document, application)
    return document


def _complete(document: dict[str, Any], application: Litestar) -> None:
    """Add MLflow's methods, the action that the caller of a route must be allowed, and all parts of its address."""
    for route in application.routes:
        if isinstance(route, HTTPRoute) and route.path_format in document["paths"]:
            about = document["paths"][route.path_format]
            for handler in route.route_handlers:
                for method in {each.lower() for each in handler.http_methods} & about.keys():
                    about[method][ACTION] = getattr(handler.opt.get("action"), "value", "")
                    parameters = about[method].setdefault("parameters", [])
                    told = {each["name"] for each in parameters if each["in"] == "path"}
                    parameters += [
                        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                        for name in route.path_parameters
                        if name not in told
                    ]
    describe(document)
