"""MLflow's routes of webhooks."""

from __future__ import annotations

from litestar import delete, get, patch, post
from litestar.params import FromPath

from terrazul.core.ids import new_guid
from terrazul.server.http import InjectedPrincipal, InjectedServices, InjectedWorkspace, does
from terrazul.server.identity.rules import Action
from terrazul.server.mlflow import view
from terrazul.server.mlflow.exchange import Answer, AnyRequest, answer, decode_query, read
from terrazul.server.mlflow.pages import read_mark, write_mark
from terrazul.server.mlflow.service.experiments import page_size
from terrazul.wire.mlflow.error import missing
from terrazul.wire.mlflow.message import ChangeWebhook, EventChoice, ListWebhooks, TestWebhook
from terrazul.wire.mlflow.rules import invalid
from terrazul.wire.webhook import NewWebhook, WebhookChange, WebhookState

_STATES = {"": WebhookState.ACTIVE, "ACTIVE": WebhookState.ACTIVE, "DISABLED": WebhookState.DISABLED}
_READ, _WRITE = does(Action.WEBHOOK_READ), does(Action.WEBHOOK_WRITE)


@post("/webhooks", operation_id="mlflow_create_webhook", opt=_WRITE, status_code=200)
async def create_webhook(
    services: InjectedServices, workspace: InjectedWorkspace, principal: InjectedPrincipal, request: AnyRequest
) -> Answer:
    """Have an address told of events in the registry."""
    asked = await read(request, ChangeWebhook)
    for name in ("name", "url", "events"):
        if not getattr(asked, name):
            raise missing(name)
    new = NewWebhook(
        new_guid(), asked.name or "", asked.url or "", list(map(_kind, asked.events)), asked.description or "",
        asked.secret or "", _state(asked.status or ""),
    )  # fmt: skip
    return answer({"webhook": view.webhook(await services.webhooks.create(workspace.key, new, principal.name))})


@get("/webhooks", operation_id="mlflow_list_webhooks", opt=_READ)
async def list_webhooks(services: InjectedServices, workspace: InjectedWorkspace, request: AnyRequest) -> Answer:
    """A page of webhooks, in the order in which they were made."""
    asked = decode_query(request.scope["query_string"], ListWebhooks)
    limit = page_size(asked.max_results, 100, 1000)
    after: int = (read_mark(asked.page_token, int)[0] or 0) if asked.page_token else 0
    found = await services.webhooks.page(workspace.key, after, limit + 1)
    following = write_mark(found[limit - 1].key) if len(found) > limit else ""
    return answer({"webhooks": [view.webhook(row.webhook) for row in found[:limit]], "next_page_token": following})


@get("/webhooks/{webhook_id:str}", operation_id="mlflow_get_webhook", opt=_READ)
async def get_webhook(services: InjectedServices, workspace: InjectedWorkspace, webhook_id: FromPath[str]) -> Answer:
    """One webhook, without its secret."""
    return answer({"webhook": view.webhook(await services.webhooks.get(workspace.key, webhook_id))})


@patch("/webhooks/{webhook_id:str}", operation_id="mlflow_update_webhook", opt=_WRITE)
async def update_webhook(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    webhook_id: FromPath[str],
    request: AnyRequest,
) -> Answer:
    """Change a webhook."""
    asked = await read(request, ChangeWebhook)
    change = WebhookChange(
        asked.name or None,
        asked.url or None,
        list(map(_kind, asked.events)) or None,
        asked.description,
        asked.secret,
        None if asked.status is None else _state(asked.status),
    )
    changed = await services.webhooks.change(workspace.key, webhook_id, change, principal.name)
    return answer({"webhook": view.webhook(changed)})


@delete("/webhooks/{webhook_id:str}", operation_id="mlflow_delete_webhook", opt=_WRITE, status_code=200)
async def delete_webhook(services: InjectedServices, workspace: InjectedWorkspace, webhook_id: FromPath[str]) -> Answer:
    """Remove a webhook."""
    await services.webhooks.delete(workspace.key, webhook_id)
    return answer({})


@post("/webhooks/{webhook_id:str}/test", operation_id="mlflow_test_webhook", opt=_WRITE, status_code=200)
async def try_webhook(
    services: InjectedServices, workspace: InjectedWorkspace, webhook_id: FromPath[str], request: AnyRequest
) -> Answer:
    """Send an example of an event now, and tell what comes of it."""
    asked = await read(request, TestWebhook)
    kind = None if asked.event is None else _kind(asked.event)
    return answer({"result": view.webhook_trial(await services.webhooks.try_out(workspace.key, webhook_id, kind))})


def _kind(event: EventChoice) -> str:
    return f"{event.entity}.{event.action}".lower()


def _state(status: str) -> WebhookState:
    if status not in _STATES:
        raise invalid("status", status, "Use ACTIVE or DISABLED.")
    return _STATES[status]


handlers = [create_webhook, list_webhooks, get_webhook, update_webhook, delete_webhook, try_webhook]
