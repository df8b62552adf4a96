"""The HTTP of signing in by a provider, for browsers: what goes wrong is a page too."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import Response, get
from litestar.datastructures import Cookie
from litestar.params import QueryParameter
from litestar.response import Redirect

from terrazul.core.errors import TerrazulError
from terrazul.server.activity.rules import Thing
from terrazul.server.activity.service.act import ACT, Act
from terrazul.server.http import NOT_KEPT, PUBLIC, InjectedServices, cookie_of, cookie_value, explain, given_by
from terrazul.server.identity.routes.sessions import AnyRequest, session_cookie
from terrazul.server.identity.rules import Principal
from terrazul.server.identity.service.single_sign_on import Returned
from terrazul.server.identity.sign_in import SECOND
from terrazul.server.identity.single_sign_on import FLOW_LIFETIME
from terrazul.server.page.document import HEADERS, START_TEXT, document
from terrazul.server.services import Services
from terrazul.wire.error import ErrorBody

_SEE_OTHER: Literal[303] = 303
_CALLBACK = "/sign-in/callback"


def _show_problem(request: AnyRequest, problem: TerrazulError) -> Response[str]:
    """Say what went wrong on the page, where one can begin again."""
    status, body, headers = explain(request.scope, problem)
    error = msgspec.json.decode(body, type=ErrorBody)
    services: Services = request.app.state.services
    told = " ".join(filter(None, (error.message, error.hint)))
    page = document(services.single_sign_on.provider_name, "/", START_TEXT, told=told)
    return Response(page, status_code=status, media_type="text/html", headers={**headers, **HEADERS, **_NOT_KEPT})


_NOT_KEPT = {each.name: str(each.value) for each in NOT_KEPT}


@get(
    "/sign-in",
    operation_id="begin_single_sign_on",
    opt=PUBLIC,
    status_code=_SEE_OTHER,
    include_in_schema=False,
    exception_handlers={TerrazulError: _show_problem},
)
async def begin_single_sign_on(
    request: AnyRequest, services: InjectedServices, page: Annotated[str, QueryParameter(name="next")] = "/"
) -> Redirect:
    """Go to the provider, to come back signed in to a page of ours."""
    callback = f"{request.scope['scheme']}://{request.headers['host']}{_CALLBACK}"
    address = request.client.host if request.client else ""
    begun = await services.single_sign_on.begin(callback, page, address, given_by(request.scope).session)
    cookie = _flow_cookie(request, begun.secret, FLOW_LIFETIME // SECOND)
    return Redirect(begun.url, status_code=_SEE_OTHER, cookies=[cookie], headers=_NOT_KEPT)


@get(
    _CALLBACK,
    operation_id="finish_single_sign_on",
    opt=PUBLIC,
    status_code=_SEE_OTHER,
    include_in_schema=False,
    exception_handlers={TerrazulError: _show_problem},
)
async def finish_single_sign_on(request: AnyRequest, services: InjectedServices) -> Redirect:
    """Come back from the provider. The answer sets a cookie, which is the session, as signing in by password does."""
    act: Act = request.scope["state"][ACT]

    def tell(name: str) -> None:
        act.message_thing = Thing("user", name)

    secret = cookie_value(request.scope, _flow_cookie_name(request))
    returned = Returned(*(request.query_params.get(name, "") for name in ("state", "code", "error", "iss")))
    recognised = await services.single_sign_on.finish(returned, secret, tell)
    act.principal, act.message_thing = Principal(recognised.known.name), None
    address = request.client.host if request.client else ""
    opened = await services.sessions.open(recognised.known, address, recognised.session)
    cookies = [session_cookie(request, opened.secret), _flow_cookie(request, "", 0)]
    return Redirect(recognised.page, status_code=_SEE_OTHER, cookies=cookies, headers=_NOT_KEPT)


def _flow_cookie_name(request: AnyRequest) -> str:
    return f"{cookie_of(request.scope).name}-sign-in"


def _flow_cookie(request: AnyRequest, secret: str, seconds: int) -> Cookie:
    """What binds a sign-in to the browser that began it. The provider's page leads back, so it is not strict."""
    return Cookie(
        _flow_cookie_name(request),
        value=secret,
        max_age=seconds,
        httponly=True,
        samesite="lax",
        secure=cookie_of(request.scope).secure,
    )


handlers = [begin_single_sign_on, finish_single_sign_on]
