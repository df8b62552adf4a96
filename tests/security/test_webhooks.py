"""Webhooks make the server call nobody that its users could not call themselves, and tell nobody their secrets."""

import asyncio
import hashlib
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from terrazul.core.errors import DestinationRefused
from terrazul.core.ids import new_guid
from terrazul.server.network.outgoing import Outgoing
from terrazul.testing.receiver import Receiver, Reply
from terrazul.testing.server import Refused, RunningServer
from terrazul.wire import pack

SECRET = "canary-of-a-hook"
CREATED = "model_version.created"

INSIDE = [
    "https://127.0.0.1/", "https://localhost/", "https://LOCALHOST/", "https://[::1]/", "https://[::]/",
    "https://0.0.0.0/", "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/",
    "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/",
    "https://169.254.169.254/latest/meta-data/", "https://10.0.0.1:8443/", "https://192.168.0.1/", "https://172.16.0.1/",
    "https://100.64.0.1/", "https://[fe80::1]/", "https://[fd00::1]/", "https://224.0.0.1/", "http://1.1.1.1/",
]  # fmt: skip
"""The server's own machine and network, in every writing; and what could be read on its way."""
NO_ADDRESSES = [
    "file:///etc/passwd", "gopher://1.1.1.1/", "https://1.1.1.1@127.0.0.1/", "https://1.1.1.1\\@127.0.0.1/",
    "https://1.1.1.1:443@127.0.0.1/", "https://127.0.0.1#@1.1.1.1/", "https://1.1.1.1\r\nHost: x/", "//127.0.0.1/", "",
    "https://1.1.1.1/\0", "https://name that is none/", "https://no-such-host.invalid/",
]  # fmt: skip


def new_webhook(url: str) -> "dict[str, Any]":
    return {"webhook_id": new_guid(), "name": "hook", "url": url, "events": [CREATED], "secret": SECRET}


@pytest.mark.parametrize("url", [*INSIDE, *NO_ADDRESSES])
def test_address_inside_is_refused(platform: RunningServer, url: str):
    webhooks = f"{platform.workspace()}/webhooks"
    with pytest.raises(Refused) as refused:
        platform.call("POST", webhooks, new_webhook(url))
    expected = (
        {"destination_refused"}
        if url in INSIDE
        else {"invalid_input", "destination_unreachable", "destination_refused"}
    )
    assert (refused.value.status, refused.value.body["code"] in expected) == (400, True), refused.value
    good = new_webhook("https://1.1.1.1/")
    platform.call("POST", webhooks, {**good, "state": "Disabled"})
    for path in (
        f"{webhooks}/{good['webhook_id']}",
        f"{platform.workspace()}/mlflow/api/2.0/mlflow/webhooks/{good['webhook_id']}",
    ):
        assert url == "" or platform.ask("PATCH", path, json.dumps({"url": url}).encode()).status == 400
    assert platform.call("GET", f"{webhooks}/{good['webhook_id']}")["url"] == "https://1.1.1.1/"
    platform.call("DELETE", f"{webhooks}/{good['webhook_id']}")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def server(tmp_path: Path, receiver: Receiver) -> Iterator[RunningServer]:
    running = RunningServer(tmp_path / "home", "--allowed-destinations", receiver.place)
    running.start()
    yield running
    running.stop()


def register(server: RunningServer) -> None:
    """Let something happen that the webhook asks for."""
    content = b"weights"
    digest = hashlib.sha256(content).hexdigest()
    server.call("POST", f"{server.workspace()}/contents", pack.encode_header(digest, len(content)) + content)
    files = [{"path": "weights", "digest": digest, "size": len(content)}]
    model = {"name": "net", "registration_id": new_guid(), "files": files}
    server.call("POST", f"{server.workspace()}/models", model)


def test_allowed_place_opens_no_other(server: RunningServer, receiver: Receiver):
    with Receiver() as other:
        for url in (f"http://{other.place}/", f"https://{receiver.place.replace('127.0.0.1', '127.0.0.2')}/"):
            with pytest.raises(Refused) as refused:
                server.call("POST", f"{server.workspace()}/webhooks", new_webhook(url))
            assert refused.value.body["code"] == "destination_refused"
            assert "--allowed-destinations" in refused.value.body["hint"]
        receiver.replies += [Reply(status, (("Location", f"http://{other.place}/"),)) for status in (302, 307)]
        server.call("POST", f"{server.workspace()}/webhooks", new_webhook(f"http://{receiver.place}/"))
        register(server)
        receiver.wait_for(3)
        assert other.received == []


def test_destination_is_checked_at_each_delivery(server: RunningServer, receiver: Receiver, tmp_path: Path):
    new = new_webhook(f"http://{receiver.place}/")
    webhook = f"{server.workspace()}/webhooks/{new['webhook_id']}"
    server.call("POST", f"{server.workspace()}/webhooks", new)
    server.stop()
    stricter = RunningServer(tmp_path / "home")
    stricter.start()
    try:
        register(stricter)
        receiver.wait_until(lambda: stricter.call("GET", webhook)["failure"] != "")
        assert "is not called" in stricter.call("GET", webhook)["failure"]
        trial = stricter.call("POST", f"{webhook}/test", {})
        assert (trial["success"], trial["status"], "is not called" in trial["error"]) == (False, None, True)
    finally:
        stricter.stop()
    assert receiver.received == []


def answers_in_turn(*addresses: list[str]) -> Callable[..., Any]:
    """A look-up of names whose answer is another each time, as of who wants a check to see something harmless."""
    rest = list(addresses)

    async def look_up(host: str, port: int, **_: object) -> "list[tuple[object, ...]]":
        del host
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in rest.pop(0)]

    return look_up


def test_name_is_looked_up_once_for_each_call_and_all_its_addresses_count(receiver: Receiver):
    """The connection goes where the check has looked; one address inside is enough to refuse."""

    async def attack() -> None:
        loop = asyncio.get_running_loop()
        place = f"rebinding.example:{receiver.port}"
        outgoing = Outgoing([place])
        loop.getaddrinfo = answers_in_turn(["127.0.0.1"], ["127.0.0.2"])  # type: ignore[method-assign]  # our DNS
        answer = await outgoing.call("POST", f"http://{place}/", {}, b"{}", seconds=20, most=10)
        assert (answer.status, receiver.received[0].headers["host"]) == (200, place)
        loop.getaddrinfo = answers_in_turn(["1.1.1.1"], ["127.0.0.1"], ["1.1.1.1", "10.0.0.1"])  # type: ignore[method-assign]  # as above
        url = f"https://rebinding.example:{receiver.port + 1}/"
        await outgoing.check(url)
        for _ in range(2):
            with pytest.raises(DestinationRefused):
                await outgoing.call("POST", url, {}, b"{}", seconds=20, most=10)

    asyncio.run(attack())
    assert len(receiver.received) == 1


def test_secret_of_a_webhook_is_told_nowhere(server: RunningServer, receiver: Receiver):
    new = new_webhook(f"http://{receiver.place}/")
    workspace = server.workspace()
    told = [server.call("POST", f"{workspace}/webhooks", new)]
    webhook = f"{workspace}/webhooks/{new['webhook_id']}"
    told += [
        server.call("GET", webhook),
        server.call("GET", f"{workspace}/webhooks"),
        server.call("GET", f"{workspace}/secrets"),
    ]
    mlflow = f"{workspace}/mlflow/api/2.0/mlflow/webhooks"
    told += [server.call("GET", mlflow), server.call("GET", f"{mlflow}/{new['webhook_id']}")]
    told += [server.call("PATCH", webhook, {"secret": f"{SECRET}-2"}), server.call("POST", f"{webhook}/test", {})]
    told.append(server.call("POST", f"{workspace}/secrets/values", {"names": [new["webhook_id"], "hook"]}))
    register(server)
    received = receiver.wait_for(2)
    assert all(each.is_signed_with(f"{SECRET}-2") for each in received)
    server.stop()
    kept = [file.read_bytes() for file in server.home.path.rglob("*") if file.is_file()]
    assert kept
    for text in [json.dumps(told).encode(), *(each.body for each in received), *kept]:
        assert SECRET.encode() not in text
