"""Asking a server what it does."""

from __future__ import annotations

import os
from typing import Optional

from terrazul.cli.local_server import RunningProcess
from terrazul.core.errors import AuthenticationException
from terrazul.core.home import Home
from terrazul.sdk.client import SERVER_VARIABLE, Address, Client
from terrazul.wire.server import ServerStatus


def other_server() -> str:
    """The address of the server that this shell's variables name, if they do."""
    return os.environ.get(SERVER_VARIABLE, "")


def ask(client: Client) -> ServerStatus:
    """What the server holds and does. Raises what ``Client`` raises."""
    return client.get(ServerStatus, "/server/status")


def client_of(home: Home, running: RunningProcess) -> Client:
    """A client of a server on this machine; it does not wait for one that is away."""
    ca_file = running.about.ca_file if running.about else ""
    return Client(Address(running.url, token_of(home) or "", ca_file), patience=0)


def token_of(home: Home) -> Optional[str]:
    """The owner's token; None where there is none yet. Raises ``AuthenticationException`` where it cannot be read."""
    try:
        return home.token_file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AuthenticationException(
            f"The token in {home.token_file} cannot be read: {error.strerror}.",
            target=str(home.token_file),
            hint="Only the user who started the server may read it.",
        ) from error
