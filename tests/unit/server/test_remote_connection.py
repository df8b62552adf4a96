"""Signing in to a machine by its password, which an sshd of the tests' own user cannot be asked for."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncssh
import pytest

from terrazul.core.errors import ComputeTargetException, DestinationRefused
from terrazul.server.compute.remote.machine import check
from terrazul.server.compute.remote.reach import Reach
from terrazul.server.network.outgoing import Outgoing
from terrazul.wire.compute import RemoteSettings

PASSWORD = "open"  # nobody's
KEY = asyncssh.generate_private_key("ssh-ed25519")


class Doorman(asyncssh.SSHServer):
    """Lets in who knows the password."""

    def begin_auth(self, username: str) -> bool:
        return bool(username)

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("me", PASSWORD)


def at_the_door(ask: Callable[[int], Awaitable[str]]) -> str:
    """What comes of asking a server at some port."""

    async def meet() -> str:
        async with asyncssh.create_server(Doorman, "127.0.0.1", 0, server_host_keys=[KEY]) as server:
            return await ask(server.get_port())

    return asyncio.run(meet())


def reach(port: int, password: str = PASSWORD, **given: str) -> Reach:
    return Reach(RemoteSettings("127.0.0.1", port, "me", **given), {"password": password})


def test_password_lets_in_and_the_host_key_is_told():
    told = at_the_door(lambda port: check(reach(port), Outgoing([f"127.0.0.1:{port}"])))
    assert told == KEY.get_fingerprint()
    known = KEY.get_fingerprint()
    again = at_the_door(lambda port: check(reach(port, host_key=known), Outgoing([f"127.0.0.1:{port}"])))
    assert again == known


def test_password_is_not_sent_to_who_shows_another_key():
    other = "SHA256:" + "a" * 43
    with pytest.raises(ComputeTargetException, match="somebody is in between"):
        at_the_door(lambda port: check(reach(port, host_key=other), Outgoing([f"127.0.0.1:{port}"])))


def test_wrong_password_is_told_without_it():
    with pytest.raises(ComputeTargetException, match="does not let 'me' in with this password") as refused:
        at_the_door(lambda port: check(reach(port, "wrong-one"), Outgoing([f"127.0.0.1:{port}"])))
    assert "wrong-one" not in f"{refused.value} {reach(1, 'wrong-one')!r}"


def test_machine_outside_of_the_public_internet_is_called_only_where_that_is_allowed():
    with pytest.raises(DestinationRefused, match="--allowed-destinations"):
        at_the_door(lambda port: check(reach(port), Outgoing([])))


def test_machine_that_does_not_answer_is_told_with_its_port():
    with pytest.raises(ComputeTargetException, match=r"127\.0\.0\.1:9 cannot be reached"):
        asyncio.run(check(reach(9), Outgoing(["127.0.0.1:9"])))
