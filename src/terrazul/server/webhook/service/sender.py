"""One attempt to deliver."""

from __future__ import annotations

from typing import NamedTuple

from terrazul.core.clock import Clock
from terrazul.core.errors import InvalidInput
from terrazul.server.network.outgoing import Outgoing
from terrazul.server.webhook.rules import headers_of, is_delivered

_SECONDS = 10.0
_MOST = 1000


class Attempt(NamedTuple):
    """What came of it."""

    arrived: bool
    status: int | None
    """None where there was no answer."""
    text: str
    """How the answer begins, or why there was none."""
    wish: str = ""
    """The answer's ``Retry-After``."""


class Sender:
    """Sends messages to webhooks."""

    def __init__(self, outgoing: Outgoing, clock: Clock) -> None:
        self._outgoing = outgoing
        self._clock = clock

    async def check(self, url: str) -> None:
        """Raise ``InvalidInput`` for an address to which nothing may be sent, or that is not known."""
        await self._outgoing.check(url)

    async def send(self, url: str, delivery_id: str, body: str, secret: str | None) -> Attempt:
        """Send a message; whatever goes wrong is told."""
        headers = headers_of(delivery_id, self._clock(), body, secret)
        try:
            answer = await self._outgoing.call("POST", url, headers, body.encode(), seconds=_SECONDS, most=_MOST)
        except InvalidInput as problem:
            return Attempt(arrived=False, status=None, text=problem.message)
        text = answer.body.decode("utf-8", "replace").replace("\0", "")
        return Attempt(is_delivered(answer.status), answer.status, text, answer.headers.get("retry-after", ""))
