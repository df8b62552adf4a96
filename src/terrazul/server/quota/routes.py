"""The HTTP of quotas."""

from __future__ import annotations

from litestar import Router, get, put
from litestar.params import JSONBody

from terrazul.server.http import InjectedServices, InjectedWorkspace, does
from terrazul.server.identity.rules import Action
from terrazul.wire.quota import Quota, QuotaLimits


@get("/", operation_id="get_quota", opt=does(Action.QUOTA_READ))
async def get_quota(services: InjectedServices, workspace: InjectedWorkspace) -> Quota:
    """What the workspace may use, and does use."""
    return await services.quotas.get(workspace.key)


@put("/", operation_id="set_quota", opt=does(Action.QUOTA_WRITE))
async def set_quota(services: InjectedServices, workspace: InjectedWorkspace, data: JSONBody[QuotaLimits]) -> Quota:
    """Set all limits of the workspace. What is over a limit already stays; further runs and bytes meet it."""
    return await services.quotas.set(workspace.key, data)


router = Router("/quota", route_handlers=[get_quota, set_quota])
