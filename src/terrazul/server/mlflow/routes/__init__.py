"""The routes of MLflow's protocol whose address has parts of its own, or that stream."""

from __future__ import annotations

from litestar import Router, get
from litestar.di import Provide

from terrazul.core.errors import TerrazulError
from terrazul.server.http import InjectedPrincipal, InjectedServices, InjectedWorkspace, does
from terrazul.server.identity.rules import Action
from terrazul.server.mlflow.exchange import Answer, answer, answer_error
from terrazul.server.mlflow.method import Call
from terrazul.server.mlflow.routes import artifacts, models, webhooks

VERSION = "3.0.0"
"""The release of MLflow whose protocol is spoken."""


async def provide_call(services: InjectedServices, workspace: InjectedWorkspace, principal: InjectedPrincipal) -> Call:
    """What the routes need, of a workspace that has its default experiment."""
    await services.mlflow.experiments.ensure_default(workspace.key)
    return Call(services.mlflow, workspace.key, principal)


@get("/health", operation_id="mlflow_health", opt=does(Action.WORKSPACE_READ))
async def health(workspace: InjectedWorkspace) -> str:
    """The workspace's MLflow server answers."""
    del workspace  # it is there
    return "OK"


@get("/version", operation_id="mlflow_version", opt=does(Action.WORKSPACE_READ))
async def version(workspace: InjectedWorkspace) -> str:
    """The release of MLflow whose protocol is spoken."""
    del workspace  # it is there
    return VERSION


@get("/api/3.0/mlflow/server-info", operation_id="mlflow_server_info", opt=does(Action.WORKSPACE_READ))
async def server_info(workspace: InjectedWorkspace) -> Answer:
    """What a client asks about the server before it transfers large files."""
    del workspace  # it is there
    return answer({"store_type": "terrazul", "workspaces_enabled": False})


router = Router(
    "/mlflow",
    route_handlers=[
        health,
        version,
        server_info,
        *artifacts.plain,
        Router(
            "/api/2.0/mlflow",
            route_handlers=[*models.handlers, *artifacts.handlers, *webhooks.handlers],
        ),
        Router("/api/2.0/mlflow-artifacts", route_handlers=artifacts.proxy),
    ],
    dependencies={"call": Provide(provide_call)},
    exception_handlers={TerrazulError: answer_error, Exception: answer_error},
)
