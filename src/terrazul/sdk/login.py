"""Signing in to a server elsewhere, and keeping a token for it in the user's home."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from terrazul.core.errors import AuthenticationException
from terrazul.core.home import Home
from terrazul.sdk.client import Address, Client, Request
from terrazul.wire.codec import decode, encode
from terrazul.wire.identity import MadeToken, Me, NewToken
from terrazul.wire.server import CA_VARIABLE, LoginFile
from terrazul.wire.session import CSRF_HEADER, NewSession, SignedIn

_LABEL_LIMIT = 200


def log_in(url: str, by: NewSession, days: int) -> LoginFile:
    """Sign in by password or by a code, and make a token that lives so long. The session that it takes ends at once.

    Raises ``AuthenticationException`` for a wrong name or password, or a code that does not count.
    """
    ca_file = _ca_file()
    client = Client(Address(url.rstrip("/"), "", ca_file))
    opening = Request("POST", "/sessions", body=encode(by), repeatable=False)
    with client.open(opening) as answer:
        cookie = answer.header("Set-Cookie").partition(";")[0]
        signed_in = decode(SignedIn, answer.read())
    headers = {"Cookie": cookie, CSRF_HEADER: signed_in.csrf_token}
    label = f"terrazul login on {socket.gethostname()}"[:_LABEL_LIMIT]
    new = encode(NewToken(label, days=days))
    try:
        made = decode(MadeToken, client.send(Request("POST", "/tokens", body=new, headers=headers, repeatable=False)))
    finally:
        client.send(Request("DELETE", "/sessions/current", headers=headers))
    return LoginFile(client.address.url, signed_in.session.user, made.token, made.about.token_id, ca_file)


def with_token(url: str, token: str) -> LoginFile:
    """What is kept of a token that the user brings. Raises ``AuthenticationException`` where it opens nothing."""
    if not token:
        message = "No token was given."
        raise AuthenticationException(message, hint="Pipe it in, as one line.")
    client = Client(Address(url.rstrip("/"), token, _ca_file()))
    return LoginFile(client.address.url, client.get(Me, "/me").name, token, "", client.address.ca_file)


def keep(home: Home, login: LoginFile) -> None:
    """Write where one is signed in, to a file that only its owner may read, whole or not at all."""
    home.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = home.login_file.with_name(f"{home.login_file.name}.{os.getpid()}")
    with os.fdopen(os.open(str(temporary), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(encode(login))
    temporary.replace(home.login_file)


def revoke(login: LoginFile) -> None:
    """Make the token worthless that was made for a login."""
    client = Client(Address(login.url, login.token, login.ca_file))
    client.delete(f"/tokens/{login.token_id}")


def _ca_file() -> str:
    named = os.environ.get(CA_VARIABLE, "")
    return str(Path(named).absolute()) if named else ""
