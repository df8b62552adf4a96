"""Nobody comes in without a token: every route that the server tells of, also those that are added later."""

import pytest

from terrazul.testing.routes import Route
from terrazul.testing.server import RunningServer

PUBLIC = {"GET /health"}
PUBLIC_PAGES = ("/", "/runs/any", "/experiments/any")
TOKENS = ["", "wrong", " ", "null", "a" * 10_000, "é"]


@pytest.mark.parametrize("token", TOKENS, ids=["none", "wrong", "blank", "null", "long", "not ASCII"])
def test_every_route_needs_a_token(platform: RunningServer, routes: list[Route], token: str):
    assert len(routes) > 40
    for route in routes:
        answer = platform.ask(route.method, route.address({}), token=token)
        expected = 200 if str(route) in PUBLIC else 401
        assert answer.status == expected, (str(route), answer)
        if expected == 401:
            assert answer.headers["www-authenticate"] == "Bearer"
            assert b'"unauthenticated"' in answer.body.lower()


@pytest.mark.parametrize("method", ["OPTIONS", "HEAD", "TRACE", "CONNECT", "PROPFIND"])
def test_other_methods_open_nothing(platform: RunningServer, routes: list[Route], method: str):
    for template in {route.template for route in routes} - {"/health"}:
        answer = platform.ask(method, template.replace("{", "").replace("}", ""), token="")
        assert answer.status in {400, 401, 405}, (template, answer)


@pytest.mark.parametrize("scheme", ["Basic", "bearer\tx", "Token", "Bearer,", ""])
def test_other_schemes_are_refused(platform: RunningServer, scheme: str):
    headers = {"Authorization": f"{scheme} {platform.token}"}
    assert platform.ask("GET", "/api/v1/server", token="", headers=headers).status == 401


def test_token_counts_in_the_header_only(platform: RunningServer):
    for place in ("token", "access_token", "authorization"):
        assert platform.ask("GET", f"/api/v1/server?{place}={platform.token}", token="").status == 401
        headers = {"Cookie": f"{place}={platform.token}"}
        assert platform.ask("GET", "/api/v1/server", token="", headers=headers).status == 401


def test_public_pages_tell_nothing_of_the_platform(platform: RunningServer, neighbour: object):
    for path in PUBLIC_PAGES:
        page = platform.ask("GET", path, token="")
        assert page.status == 200
        assert b"canary" not in page.body
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert platform.token.encode() not in page.body
    assert neighbour
