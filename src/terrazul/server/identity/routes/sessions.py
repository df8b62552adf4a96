"""The HTTP of signing in, of sessions and of passwords."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, delete, get, post, put
from litestar.datastructures import Cookie
from litestar.handlers.base import BaseRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody

from terrazul.core.errors import AuthenticationException
from terrazul.server.activity.rules import Thing
from terrazul.server.activity.service.act import ACT, Act
from terrazul.server.http import (
    NOT_KEPT,
    PUBLIC,
    Connection,
    InjectedPrincipal,
    InjectedServices,
    cookie_of,
    does,
    given_by,
)
from terrazul.server.identity.rules import Action, ObjectType, Principal
from terrazul.server.identity.service.authentication import digest_of
from terrazul.server.identity.service.sessions import NOTHING_GIVEN
from terrazul.wire.session import NewPassword, NewSession, Session, SignedIn, SignInCode

_READ = does(Action.SESSION_READ, ObjectType.SERVER)
_WRITE = does(Action.SESSION_WRITE, ObjectType.SERVER)
AnyRequest = Request[Any, Any, Any]


def _with_something(connection: Connection, _handler: BaseRouteHandler) -> None:
    """A request that says nothing is refused as any without a token is."""
    headers = connection.headers
    if "transfer-encoding" not in headers and headers.get("content-length", "0") == "0":
        raise AuthenticationException(NOTHING_GIVEN)


@post(
    "/sessions",
    operation_id="open_session",
    opt=PUBLIC,
    guards=[_with_something],
    status_code=200,
    response_headers=NOT_KEPT,
)
async def open_session(
    request: AnyRequest, services: InjectedServices, data: JSONBody[NewSession]
) -> Response[SignedIn]:
    """Sign in, by name and password or by a code. The answer sets a cookie, which is the session."""
    act: Act = request.scope["state"][ACT]

    def tell(name: str) -> None:
        act.message_thing = Thing("user", name)

    address = request.client.host if request.client else ""
    known = await services.sessions.recognise(data, address, tell)
    act.principal, act.message_thing = Principal(known.name), None
    before = given_by(request.scope).session
    opened = await services.sessions.open(known, address, digest_of(before) if before else "")
    return Response(opened.signed_in, cookies=[session_cookie(request, opened.secret)])


@get("/sessions", operation_id="list_sessions", opt=_READ)
async def list_sessions(
    services: InjectedServices, principal: InjectedPrincipal, user: FromQuery[str] = ""
) -> list[Session]:
    """The caller's open sessions, or an administrator's look at those of a user."""
    return await services.sessions.list_all(user, principal)


@get("/sessions/current", operation_id="get_current_session", opt=_READ, response_headers=NOT_KEPT)
async def get_current_session(
    request: AnyRequest, services: InjectedServices, principal: InjectedPrincipal
) -> SignedIn:
    """The session by which the request comes, with what its page needs for changes."""
    return await services.sessions.current(principal, given_by(request.scope).session)


@delete("/sessions/current", operation_id="sign_out", opt=_WRITE, status_code=200)
async def sign_out(request: AnyRequest, services: InjectedServices, principal: InjectedPrincipal) -> Response[None]:
    """End the session by which the request comes."""
    await services.sessions.end_current(principal)
    return Response(None, cookies=[session_cookie(request, None)])


@delete("/sessions/{session_id:str}", operation_id="end_session", opt=_WRITE)
async def end_session(services: InjectedServices, principal: InjectedPrincipal, session_id: FromPath[str]) -> None:
    """End a session at once."""
    await services.sessions.end(session_id, principal)


@delete("/sessions", operation_id="end_sessions", opt=_WRITE)
async def end_sessions(services: InjectedServices, principal: InjectedPrincipal, user: FromQuery[str] = "") -> None:
    """End all of the caller's sessions at once, or, as an administrator, those of a user."""
    await services.sessions.end_all(user, principal)


@post("/sessions/codes", operation_id="make_sign_in_code", opt=_WRITE, status_code=200, response_headers=NOT_KEPT)
async def make_sign_in_code(services: InjectedServices, principal: InjectedPrincipal) -> SignInCode:
    """A code that signs the caller in once, within a minute."""
    return await services.sessions.make_code(principal)


@put(
    "/users/{user_name:str}/password",
    operation_id="set_password",
    opt=does(Action.PASSWORD_WRITE, ObjectType.SERVER),
    status_code=204,
)
async def set_password(
    services: InjectedServices, principal: InjectedPrincipal, user_name: FromPath[str], data: JSONBody[NewPassword]
) -> None:
    """Give a user another password: oneself, or anybody as an administrator. The user's sessions end at once."""
    await services.passwords.set(user_name, data, principal)


def session_cookie(request: AnyRequest, secret: str | None) -> Cookie:
    """The session's cookie, for as long as the browser runs; or, without a secret, its end."""
    name, secure = cookie_of(request.scope)
    ended = None if secret else 0
    return Cookie(name, value=secret or "", max_age=ended, httponly=True, samesite="strict", secure=secure)


handlers = [
    open_session,
    list_sessions,
    get_current_session,
    sign_out,
    end_session,
    end_sessions,
    make_sign_in_code,
    set_password,
]
