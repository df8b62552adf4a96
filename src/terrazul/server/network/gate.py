"""What each request must be like before anybody asks who sends it, and what each answer tells a browser."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import quote

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from terrazul.core.errors import AddressTooLong, Forbidden, HeaderTooLarge, InvalidInput, TerrazulError
from terrazul.server.http import explain, send_answer
from terrazul.server.mlflow.address import is_mlflow
from terrazul.server.mlflow.exchange import explain as explain_to_mlflow
from terrazul.server.network.rules import (
    ADDRESS_BYTES,
    HEADER_BYTES,
    MOST_HEADERS,
    SAFE_METHODS,
    is_foreign_origin,
    is_own_name,
)

_POLICY = b"content-security-policy"
_CLOSED = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_DEFAULT_POLICY = (_POLICY, b"default-src 'none'; frame-ancestors 'none'")
_ONLY_TLS = (b"strict-transport-security", b"max-age=31536000")
_KNOWN_LIMIT = 256


class _Head(NamedTuple):
    """What the gate looks at in the headers of a request."""

    hosts: list[bytes]
    origins: list[bytes]
    sites: list[bytes]
    size: int


class Gate:
    """Wraps the application; ``names`` are those by which it may be addressed besides this machine's own."""

    def __init__(self, app: ASGIApp, names: list[str]) -> None:
        self._app = app
        self._names = frozenset(names)
        self._known: set[tuple[bytes, str]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request pass, or refuse it."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        secure = scope["scheme"] == "https"

        async def send_closed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message["headers"], *_CLOSED]
                if not any(name.lower() == _POLICY for name, _ in headers):
                    headers.append(_DEFAULT_POLICY)
                if secure:
                    headers.append(_ONLY_TLS)
                message["headers"] = headers
            await send(message)

        try:
            self._check(scope, secure=secure)
        except TerrazulError as error:
            await _refuse(scope, error, send_closed)
        else:
            await self._app(scope, receive, send_closed)

    def _check(self, scope: Any, *, secure: bool) -> None:
        head = _read(scope["headers"])
        if len(scope["raw_path"]) + len(scope["query_string"]) > ADDRESS_BYTES:
            raise AddressTooLong(
                f"The address of the request has more than {ADDRESS_BYTES} bytes.", hint="Send what is long in a body."
            )
        if len(scope["headers"]) > MOST_HEADERS or head.size > HEADER_BYTES:
            raise HeaderTooLarge(
                f"A request may have {MOST_HEADERS} headers and {HEADER_BYTES} bytes of them, and this one has more."
            )
        if len(head.hosts) != 1:
            raise InvalidInput("A request must have one Host header.", target="Host")
        self._check_name(head.hosts[0], (scope.get("server") or ("",))[0] or "")
        if scope["method"] not in SAFE_METHODS and (head.origins or head.sites):
            _check_origin(head, secure=secure)

    def _check_name(self, host: bytes, local_address: str) -> None:
        if (host, local_address) in self._known:
            return
        text = host.decode("latin-1")
        if not is_own_name(text, local_address, self._names):
            raise Forbidden(
                f"This server does not go by the name {text[:80]!r}.",
                target="Host",
                hint="If it is meant to, an administrator adds the name to --allowed-hosts.",
            )
        if len(self._known) >= _KNOWN_LIMIT:
            self._known.clear()
        self._known.add((host, local_address))


def _read(headers: list[tuple[bytes, bytes]]) -> _Head:
    head = _Head([], [], [], sum(len(name) + len(value) for name, value in headers))
    for name, value in headers:
        if name == b"host":
            head.hosts.append(value)
        elif name == b"origin":
            head.origins.append(value)
        elif name == b"sec-fetch-site":
            head.sites.append(value)
    return head


def _check_origin(head: _Head, *, secure: bool) -> None:
    """Raise ``Forbidden`` for a change that a page of another origin asks for, whoever sends it along."""
    host = head.hosts[0].decode("latin-1")
    origin = b",".join(head.origins).decode("latin-1")
    site = b",".join(head.sites).decode("latin-1")
    if is_foreign_origin(origin, site, host, secure=secure):
        raise Forbidden(
            f"Pages of {quote(origin or 'another site', safe=':/ ')[:80]} may change nothing here.",
            target="Origin",
            hint="Open the server's own address in the browser.",
        )


async def _refuse(scope: Any, error: TerrazulError, send: Send) -> None:
    status, body, headers = (explain_to_mlflow if is_mlflow(scope["path"]) else explain)(scope, error)
    await send_answer(send, status, body, {"connection": "close", **headers})
