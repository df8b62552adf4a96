"""Webhooks reach a real receiver: signed, in order, at least once, through failures and kills of the server."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from terrazul.core.ids import new_guid
from terrazul.testing.receiver import Receiver, Reply
from terrazul.testing.server import Refused, RunningServer
from terrazul.wire import pack

KINDS = [
    "registered_model.created",
    "model_version.created",
    "model_version_tag.set",
    "model_version_tag.deleted",
    "model_version_alias.created",
    "model_version_alias.deleted",
]
SECRET = "canary-of-the-hook"
CONTENT = b"weights"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def server(tmp_path: Path, receiver: Receiver, new_database: Callable[[], str]) -> Iterator[RunningServer]:
    """A server whose administrator allows the receiver."""
    options = ("--allowed-destinations", receiver.place)
    running = RunningServer(tmp_path / "home", *options, database=new_database())
    running.start()
    yield running
    running.stop()


def make_webhook(server: RunningServer, receiver: Receiver, **more: Any) -> str:
    """A webhook of all events in the workspace; returns its address."""
    webhook_id = new_guid()
    new = {"webhook_id": webhook_id, "name": "hook", "url": f"http://{receiver.place}/hook", "events": KINDS, **more}
    webhooks = f"{server.workspace()}/webhooks"
    assert server.call("POST", webhooks, new)["webhook_id"] == webhook_id
    return f"{webhooks}/{webhook_id}"


def register(server: RunningServer, name: str = "net", **more: Any) -> str:
    """Register a version as the SDK does; returns the model's address."""
    workspace = server.workspace()
    server.call("POST", f"{workspace}/contents", pack.encode_header(DIGEST, len(CONTENT)) + CONTENT)
    files = [{"path": "weights", "digest": DIGEST, "size": len(CONTENT)}]
    model = {"name": name, "registration_id": new_guid(), "files": files, **more}
    return f"{workspace}/models/{server.call('POST', f'{workspace}/models', model)['id']}"


@pytest.mark.each_database
def test_every_event_of_both_faces_arrives_signed_and_in_order(server: RunningServer, receiver: Receiver):
    make_webhook(server, receiver, secret=SECRET)
    model = register(server, tags={"a": "1"}, description="what for")
    server.call("PATCH", model, {"set_tags": {"b": "2"}, "remove_tags": ["a"]})
    mlflow = f"{server.workspace()}/mlflow/api/2.0/mlflow"
    alias = {"name": "net", "alias": "champion", "version": "1"}
    server.call("POST", f"{mlflow}/registered-models/alias", alias)
    server.call("DELETE", f"{mlflow}/registered-models/alias?name=net&alias=champion")
    server.call("POST", f"{mlflow}/registered-models/create", {"name": "other", "tags": [{"key": "k", "value": "v"}]})
    received = receiver.wait_for(7)
    assert [each.message["data"] for each in received] == [
        {"name": "net", "tags": {}, "description": ""},
        {
            "name": "net", "version": "1", "source": "mlflow-artifacts:/registry/net/1", "run_id": None,
            "tags": {"a": "1"}, "description": "what for",
        },
        {"name": "net", "version": "1", "key": "a"},
        {"name": "net", "version": "1", "key": "b", "value": "2"},
        {"name": "net", "alias": "champion", "version": "1"},
        {"name": "net", "alias": "champion"},
        {"name": "other", "tags": {"k": "v"}, "description": ""},
    ]  # fmt: skip
    assert set(receiver.kinds) == set(KINDS)
    assert len({each.id for each in received}) == 7
    assert all(each.is_signed_with(SECRET) and each.path == "/hook" for each in received)
    assert not any(SECRET in text for each in received for text in each.headers.values())


def test_registration_that_is_sent_twice_is_told_once(server: RunningServer, receiver: Receiver):
    make_webhook(server, receiver, events=["model_version.created"])
    again = new_guid()
    for _ in range(3):
        register(server, registration_id=again)
    register(server, "last")
    assert [each.message["data"]["name"] for each in receiver.wait_for(2)] == ["net", "last"]


def test_delivery_that_fails_is_repeated_under_its_id_before_the_next(server: RunningServer, receiver: Receiver):
    receiver.replies += [Reply(500, body=b"not today"), Reply(302, (("Location", "/elsewhere"),))]
    webhook = make_webhook(server, receiver, secret=SECRET)
    register(server)
    received = receiver.wait_for(4)
    assert [each.kind for each in received] == [KINDS[0]] * 3 + [KINDS[1]]
    assert len({each.id for each in received}) == 2
    assert {each.path for each in received} == {"/hook"}
    assert all(each.is_signed_with(SECRET) for each in received)
    receiver.wait_until(lambda: server.call("GET", webhook)["waiting"] == 0)
    shown = server.call("GET", webhook)
    assert shown["failure"] == ""
    assert shown["delivered_at"]


def test_failure_is_told_until_it_is_over(server: RunningServer, receiver: Receiver):
    receiver.replies.append(Reply(503, (("Retry-After", "3600"),), b"not\0 today"))
    webhook = make_webhook(server, receiver)
    register(server)
    receiver.wait_until(lambda: server.call("GET", webhook)["failure"] != "")
    shown = server.call("GET", webhook)
    assert (shown["failure"], shown["waiting"], shown["delivered_at"]) == ("It answered 503: not today", 2, None)
    server.call("PATCH", webhook, {"description": "tries at once"})
    assert [each.kind for each in receiver.wait_for(3)] == [KINDS[0], KINDS[0], KINDS[1]]


def test_events_survive_that_the_server_is_killed(server: RunningServer, receiver: Receiver):
    """One that is being delivered, and one that waits behind it."""
    receiver.held.clear()
    webhook = make_webhook(server, receiver)
    register(server)
    (first,) = receiver.wait_for(1)
    server.kill()
    receiver.held.set()
    server.start()
    again, following = receiver.wait_for(3)[1:]
    assert (again.id, again.body) == (first.id, first.body)
    assert following.kind == KINDS[1]
    receiver.wait_until(lambda: server.call("GET", webhook)["waiting"] == 0)


def test_events_wait_for_a_receiver_that_is_away(tmp_path: Path):
    with Receiver() as first:
        port, options = first.port, ("--allowed-destinations", first.place)
        running = RunningServer(tmp_path / "home", *options)
        running.start()
        webhook = make_webhook(running, first)
    try:
        register(running)
        with Receiver(port) as second:
            assert [each.kind for each in second.wait_for(2)] == KINDS[:2]
            second.wait_until(lambda: running.call("GET", webhook)["waiting"] == 0)
    finally:
        running.stop()


def test_slow_receiver_does_not_hold_up_another(server: RunningServer, receiver: Receiver):
    receiver.held.clear()
    with Receiver() as quick:
        options = ("--allowed-destinations", f"{receiver.place}, {quick.place}")
        server.stop()
        server = RunningServer(server.home.path, *options)
        server.start()
        try:
            make_webhook(server, receiver)
            make_webhook(server, quick)
            register(server)
            assert [each.kind for each in quick.wait_for(2)] == KINDS[:2]
            assert len(receiver.received) == 1
        finally:
            receiver.held.set()
            server.stop()


def test_disabled_and_deleted_webhooks_are_told_nothing(server: RunningServer, receiver: Receiver):
    disabled = make_webhook(server, receiver, name="disabled", state="Disabled")
    receiver.replies.append(Reply(500, (("Retry-After", "3600"),)))
    late = make_webhook(server, receiver, name="late", url=f"http://{receiver.place}/late")
    deleted = make_webhook(server, receiver, name="deleted", url=f"http://{receiver.place}/deleted", state="Disabled")
    register(server)
    receiver.wait_until(lambda: server.call("GET", late)["failure"] != "")
    assert server.call("GET", disabled)["waiting"] == 0
    assert server.call("PATCH", late, {"state": "Disabled"})["waiting"] == 0
    server.call("DELETE", deleted)
    assert server.ask("GET", deleted).status == 404
    server.call("PATCH", disabled, {"state": "Active", "events": ["model_version.created"]})
    register(server)
    assert [each.path for each in receiver.wait_for(2)] == ["/late", "/hook"]
    assert {each["name"] for each in server.call("GET", f"{server.workspace()}/webhooks")} == {"disabled", "late"}


def test_trial_tells_what_came_of_it(server: RunningServer, receiver: Receiver):
    webhook = make_webhook(server, receiver, secret=SECRET, state="Disabled")
    assert server.call("POST", f"{webhook}/test", {}) == {"success": True, "status": 200, "body": "taken", "error": ""}
    receiver.replies.append(Reply(418, body=b"x" * 5000))
    refused = server.call("POST", f"{webhook}/test", {"event": "model_version_tag.set"})
    assert (refused["success"], refused["status"], refused["body"]) == (False, 418, "x" * 1000)
    assert receiver.kinds == [KINDS[0], "model_version_tag.set"]
    assert all(each.is_signed_with(SECRET) for each in receiver.received)
    server.call("PATCH", webhook, {"secret": ""})
    server.call("POST", f"{webhook}/test", {})
    assert "x-mlflow-signature" not in receiver.received[-1].headers


def test_webhook_that_is_sent_twice_counts_once(server: RunningServer, receiver: Receiver):
    again = new_guid()
    new = {"webhook_id": again, "name": "hook", "url": f"http://{receiver.place}/", "events": KINDS[:1]}
    webhooks = f"{server.workspace()}/webhooks"
    assert server.call("POST", webhooks, new) == server.call("POST", webhooks, new)
    assert len(server.call("GET", webhooks)) == 1
    with pytest.raises(Refused) as other:
        server.call("POST", webhooks, {**new, "name": "other"})
    assert other.value.status == 409


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"events": []}, "one event at least"),
        ({"events": ["prompt.created"]}, "no event that happens here"),
        ({"name": "a b"}, "no name of a webhook"),
        ({"webhook_id": "../x"}, "cannot be the id"),
        ({"description": "x" * 6000}, "5000"),
        ({"secret": "a\0b"}, "code 0"),
        ({"state": "Asleep"}, "form"),
    ],
)
def test_mistakes_are_told(shared_server: RunningServer, wrong: "dict[str, Any]", said: str):
    new = {"webhook_id": new_guid(), "name": "hook", "url": "https://1.1.1.1/", "events": KINDS, **wrong}
    with pytest.raises(Refused) as refused:
        shared_server.call("POST", f"{shared_server.workspace()}/webhooks", new)
    assert refused.value.status == 400
    assert said in json.dumps(refused.value.body)


def test_workspace_goes_with_its_webhooks_and_their_secrets(server: RunningServer, receiver: Receiver):
    make_webhook(server, receiver, secret=SECRET)
    webhook = make_webhook(server, receiver, secret=SECRET)
    server.call("DELETE", webhook)
    assert server.call("GET", "/api/v1/keyvault")["sealed"] == 1
    server.call("DELETE", server.workspace())
    assert server.call("GET", "/api/v1/keyvault")["sealed"] == 0
