"""The HTTP of webhooks."""

from __future__ import annotations

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, JSONBody

from terrazul.server.http import InjectedPrincipal, InjectedServices, InjectedWorkspace, does
from terrazul.server.identity.rules import Action
from terrazul.wire.webhook import NewWebhook, Webhook, WebhookChange, WebhookTrial, WebhookTrialResult


@get("/", operation_id="list_webhooks", opt=does(Action.WEBHOOK_READ))
async def list_webhooks(services: InjectedServices, workspace: InjectedWorkspace) -> list[Webhook]:
    """All webhooks of the workspace, without their secrets."""
    return await services.webhooks.list_all(workspace.key)


@post("/", operation_id="create_webhook", opt=does(Action.WEBHOOK_WRITE), status_code=200)
async def create_webhook(
    services: InjectedServices, workspace: InjectedWorkspace, principal: InjectedPrincipal, data: JSONBody[NewWebhook]
) -> Webhook:
    """Have an address told of events in the registry; sent twice, it counts once."""
    return await services.webhooks.create(workspace.key, data, principal.name)


@get("/{webhook_id:str}", operation_id="get_webhook", opt=does(Action.WEBHOOK_READ))
async def get_webhook(services: InjectedServices, workspace: InjectedWorkspace, webhook_id: FromPath[str]) -> Webhook:
    """A webhook, how many deliveries wait for it, and why the last attempt failed."""
    return await services.webhooks.get(workspace.key, webhook_id)


@patch("/{webhook_id:str}", operation_id="change_webhook", opt=does(Action.WEBHOOK_WRITE))
async def change_webhook(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    webhook_id: FromPath[str],
    data: JSONBody[WebhookChange],
) -> Webhook:
    """Change a webhook; what waits for one that is disabled is not delivered."""
    return await services.webhooks.change(workspace.key, webhook_id, data, principal.name)


@delete("/{webhook_id:str}", operation_id="delete_webhook", opt=does(Action.WEBHOOK_WRITE))
async def delete_webhook(services: InjectedServices, workspace: InjectedWorkspace, webhook_id: FromPath[str]) -> None:
    """Remove a webhook with its secret and what waits for it."""
    await services.webhooks.delete(workspace.key, webhook_id)


@post("/{webhook_id:str}/test", operation_id="test_webhook", opt=does(Action.WEBHOOK_WRITE), status_code=200)
async def try_webhook(
    services: InjectedServices, workspace: InjectedWorkspace, webhook_id: FromPath[str], data: JSONBody[WebhookTrial]
) -> WebhookTrialResult:
    """Send an example of an event now, and tell what comes of it."""
    return await services.webhooks.try_out(workspace.key, webhook_id, data.event)


router = Router(
    "/webhooks",
    route_handlers=[list_webhooks, create_webhook, get_webhook, change_webhook, delete_webhook, try_webhook],
)
