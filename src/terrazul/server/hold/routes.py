"""The HTTP of holds."""

from __future__ import annotations

from litestar import Router, delete, get
from litestar.params import FromPath

from terrazul.server.http import InjectedServices, InjectedWorkspace, does
from terrazul.server.identity.rules import Action, ObjectType
from terrazul.wire.hold import Hold


@get("/runs/{run_id:str}/hold", operation_id="get_hold", opt=does(Action.RUN_READ_HOLD, ObjectType.RUN))
async def get_hold(services: InjectedServices, workspace: InjectedWorkspace, run_id: FromPath[str]) -> Hold:
    """Where what is kept of a failed run lies, and until when; 404 for a run that is not held."""
    return await services.holds.get(workspace.key, run_id)


@delete("/runs/{run_id:str}/hold", operation_id="release_hold", opt=does(Action.RUN_RELEASE_HOLD, ObjectType.RUN))
async def release_hold(services: InjectedServices, workspace: InjectedWorkspace, run_id: FromPath[str]) -> None:
    """Free the node of a failed run, and have what is kept of it removed."""
    await services.holds.release(workspace.key, run_id)


router = Router("/", route_handlers=[get_hold, release_hold])
