"""Signing in to a machine over SSH: to a checked address, by one host key, with one credential and nothing else.

Neither configuration nor keys nor agent of who runs the server take part: a target's user would act by them.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import asyncssh

from terrazul.core.errors import ComputeTargetException
from terrazul.server.compute.remote.reach import Reach, refusal
from terrazul.server.network.outgoing import Outgoing
from terrazul.server.network.rules import Destination

_CONNECT_SECONDS = 15.0
_KEEPALIVE_SECONDS = 5.0
_KEEPALIVES = 3
_SSH = "ssh"
logging.getLogger("asyncssh").setLevel(logging.WARNING)  # it tells of every command and connection


class _Client(asyncssh.SSHClient):
    """Takes the host key that is wanted, or the first that comes where none is."""

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted
        self.shown = ""
        self.algorithm = ""

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Whether this is the machine's key; it is remembered either way."""
        del host, addr, port
        self.shown, self.algorithm = key.get_fingerprint(), key.get_algorithm()
        return self._wanted in {"", self.shown}


class SignedIn:
    """A connection, and the host key it was made by."""

    def __init__(self, connection: asyncssh.SSHClientConnection, host_key: str) -> None:
        self.connection = connection
        self.host_key = host_key


async def sign_in(reach: Reach, outgoing: Outgoing) -> SignedIn:
    """Connect and sign in.

    Raises ``ComputeTargetException`` that says what failed and what to do; ``DestinationRefused`` and
    ``DestinationUnreachable`` for an address.
    """
    settings = reach.settings
    options = _options(reach)
    destination = Destination(_SSH, settings.address.lower(), settings.port, "")
    addresses = await outgoing.addresses_of(destination)
    problem: Exception = OSError("it has no address")
    for address in addresses:
        answer = await _try(reach, address, options)
        if isinstance(answer, SignedIn):
            return answer
        problem = answer
    raise _unreachable(reach, problem)


async def _try(reach: Reach, address: str, options: dict[str, Any]) -> SignedIn | Exception:
    """The connection by one address; the problem where that does not answer, but another one may."""
    client = _Client(reach.settings.host_key)
    try:
        connecting = asyncssh.connect(address, reach.settings.port, client_factory=lambda: client, **options)
        return SignedIn(await asyncio.wait_for(connecting, _CONNECT_SECONDS), client.shown)
    except asyncssh.HostKeyNotVerifiable:
        raise _other_key(reach, client) from None
    except asyncssh.PermissionDenied:
        raise _denied(reach) from None
    except (OSError, asyncssh.Error, asyncio.TimeoutError) as problem:
        return problem


def _options(reach: Reach) -> dict[str, Any]:
    """What asyncssh is told: everything that it would take from our own user's folder is switched off."""
    credential = reach.credential
    key = _private_key(reach) if credential.get("private_key") else None
    return {
        "config": None,
        "known_hosts": ([], [], []),
        "server_host_key_algs": "default",
        "username": reach.settings.username,
        "password": credential.get("password") or None,
        "client_keys": None if key is None else [key],
        "agent_path": None,
        "gss_host": None,
        "x509_trusted_certs": None,
        "preferred_auth": "publickey" if key is not None else "password,keyboard-interactive",
        "login_timeout": _CONNECT_SECONDS,
        "connect_timeout": _CONNECT_SECONDS,
        "keepalive_interval": _KEEPALIVE_SECONDS,
        "keepalive_count_max": _KEEPALIVES,
        "compression_algs": None,
    }


def _private_key(reach: Reach) -> asyncssh.SSHKey:
    """The key of the credential. Raises ``ComputeTargetException`` for what is none, or another passphrase."""
    passphrase = reach.credential.get("private_key_passphrase") or None
    try:
        return asyncssh.import_private_key(reach.credential["private_key"], passphrase)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
        told = "with this passphrase" if passphrase else "without a passphrase"
        message = f"The private key for {reach.settings.username[:80]} on {reach.place} cannot be read {told}."
        hint = "Give the private key itself (not the .pub file), and its passphrase where it has one."
        raise ComputeTargetException(message, target="private_key", hint=hint) from None


def _other_key(reach: Reach, client: _Client) -> ComputeTargetException:
    what = (
        f"shows the host key {client.shown} ({client.algorithm}), and is known by {reach.settings.host_key}: "
        "it is another machine, was installed anew, or somebody is in between"
    )
    hint = (
        "Have its administrator tell you the fingerprint (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub). If it is "
        "the new one, attach the machine again with host_key_fingerprint set to it."
    )
    return refusal(reach, what, hint)


def _denied(reach: Reach) -> ComputeTargetException:
    means = "private key" if reach.credential.get("private_key") else "password"
    hint = {
        "private key": "Add its public key to ~/.ssh/authorized_keys there, or attach the machine with another one.",
        "password": "Attach it with the right one, or with a private key where it takes no passwords.",
    }
    return refusal(reach, f"does not let {reach.settings.username[:80]!r} in with this {means}", hint[means])


def _unreachable(reach: Reach, problem: Exception) -> ComputeTargetException:
    why = f"no answer came within {_CONNECT_SECONDS:g} s"
    if not isinstance(problem, asyncio.TimeoutError):
        why = str(problem).rstrip(".") or type(problem).__name__
    hint = f"See that it is on, that sshd answers at port {reach.settings.port}, and that no firewall is in between."
    return refusal(reach, f"cannot be reached: {why}", hint)
