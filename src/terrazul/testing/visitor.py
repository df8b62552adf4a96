"""A browser that signs in by a provider, step by step, so that a test can come between."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import quote, urlsplit

from terrazul.testing.server import Answer, RunningServer

_SECONDS = 30


class Visitor:
    """Keeps what the server leaves in it, as a browser does."""

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        self.cookies: dict[str, str] = {}

    def get(self, path: str) -> Answer:
        """Open an address of the server."""
        return self.ask("GET", path)

    def ask(self, method: str, path: str, body: Any = None, csrf_token: str = "") -> Answer:
        """A request as the server's page makes it."""
        headers = {"Terrazul-Csrf-Token": csrf_token} if csrf_token else {}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        data = None if body is None else json.dumps(body).encode()
        answer = self._server.ask(method, path, data, token="", headers=headers)
        for line in answer.cookies:
            for name, each in SimpleCookie(line).items():
                if each["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = each.value
        return answer

    def begin(self, page: str = "/") -> str:
        """Press "Sign in with"; whereto the browser is sent."""
        answer = self.get(f"/sign-in?next={quote(page, safe='')}")
        assert answer.status == http.client.SEE_OTHER, answer
        return answer.headers["location"]

    def at_provider(self, url: str) -> str:
        """Sign in there; the address of the server to which the browser is sent back."""
        address = urlsplit(url)
        with closing(http.client.HTTPConnection(address.netloc, timeout=_SECONDS)) as connection:
            connection.request("GET", f"{address.path}?{address.query}")
            answer = connection.getresponse()
            location = answer.getheader("Location", "")
            assert location.startswith(self._server.url), (answer.status, location, answer.read())
        return location[len(self._server.url) :]

    def sign_in(self, page: str = "/") -> Answer:
        """All of it; what the server says in the end."""
        return self.get(self.at_provider(self.begin(page)))

    @property
    def session(self) -> dict[str, Any] | None:
        """The open session, and what its page must send along; None where there is none."""
        answer = self.get("/api/v1/sessions/current")
        signed_in: dict[str, Any] = json.loads(answer.body)
        return signed_in if answer.status == http.client.OK else None

    @property
    def name(self) -> str:
        """Of whom is signed in; empty where nobody is."""
        session = self.session
        return str(session["session"]["user"]) if session else ""
