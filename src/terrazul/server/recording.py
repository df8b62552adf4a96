"""Gives every request its act, and sees to it that what the activity log is to tell of it is on disk first."""

from __future__ import annotations

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from terrazul.server.activity.service.act import ACT
from terrazul.server.activity.service.log import Activity
from terrazul.server.sql.witness import witness


class Recording:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, activity: Activity) -> None:
        self._app = app
        self._activity = activity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        client = scope.get("client")
        state = scope["state"]
        act = self._activity.begin(scope["method"], client[0] if client else "", state["correlation_id"])
        state[ACT] = act
        witness.set(act)

        async def recorded_send(message: Message) -> None:
            if message["type"] == "http.response.start" and act.is_to_tell(message["status"]):
                await self._activity.conclude(act, message["status"])
            await send(message)

        await self._app(scope, receive, recorded_send)
