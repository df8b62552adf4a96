"""Webhooks reach a real receiver: signed, in order, at least once, through failures and kills of the server."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from terrazul.core.ids import new_guid
from terrazul.testing.postgresql import PostgresqlCluster
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


@dataclass(frozen=True)
class Site:
    """A workspace, and a receiver that an administrator allows."""

    server: RunningServer
    receiver: Receiver
    workspace: str

    def make_webhook(self, **more: Any) -> str:
        """A webhook of all events; returns its address."""
        webhook_id = new_guid()
        url = f"http://{self.receiver.place}/hook"
        new = {"webhook_id": webhook_id, "name": "hook", "url": url, "events": KINDS, **more}
        assert self.call("POST", "/webhooks", new)["webhook_id"] == webhook_id
        return f"/webhooks/{webhook_id}"

    def register(self, name: str = "net", **more: Any) -> str:
        """Register a version as the SDK does; returns the model's address."""
        self.server.call("POST", f"{self.workspace}/contents", pack.encode_header(DIGEST, len(CONTENT)) + CONTENT)
        files = [{"path": "weights", "digest": DIGEST, "size": len(CONTENT)}]
        model = {"name": name, "registration_id": new_guid(), "files": files, **more}
        return f"/models/{self.call('POST', '/models', model)['id']}"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """A request in the workspace."""
        return self.server.call(method, self.workspace + path, body)

    def wait_until_all_arrived(self, webhook: str) -> None:
        """Until nothing waits for a webhook."""
        self.receiver.wait_until(lambda: self.call("GET", webhook)["waiting"] == 0)


@pytest.fixture(scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[], str]
) -> Iterator[tuple[RunningServer, Receiver]]:
    with Receiver() as receiver:
        options = ("--allowed-destinations", receiver.place)
        server = RunningServer(tmp_path_factory.mktemp("shared") / "home", *options, database=new_database())
        server.start()
        yield server, receiver
        server.stop()


@pytest.fixture
def site(shared: tuple[RunningServer, Receiver], request: pytest.FixtureRequest) -> Iterator[Site]:
    """A workspace of the test's own, which goes with what waits in it."""
    server, receiver = shared
    receiver.received.clear()
    receiver.replies.clear()
    found = Site(server, receiver, server.workspace(f"w-{abs(hash(request.node.name)) % 10**9}"))
    yield found
    if server.ask("GET", found.workspace).status == 200:
        server.call("DELETE", found.workspace)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Site]:
    """A server of the test's own."""
    with Receiver() as receiver:
        running = RunningServer(tmp_path / "home", "--allowed-destinations", receiver.place)
        running.start()
        yield Site(running, receiver, running.workspace())
        running.stop()


@pytest.mark.each_database
def test_every_event_of_both_faces_arrives_signed_and_in_order(site: Site):
    site.make_webhook(secret=SECRET)
    model = site.register(tags={"a": "1"}, description="what for")
    site.call("PATCH", model, {"set_tags": {"b": "2"}, "remove_tags": ["a"]})
    mlflow = "/mlflow/api/2.0/mlflow"
    alias = {"name": "net", "alias": "champion", "version": "1"}
    site.call("POST", f"{mlflow}/registered-models/alias", alias)
    site.call("DELETE", f"{mlflow}/registered-models/alias?name=net&alias=champion")
    site.call("POST", f"{mlflow}/registered-models/create", {"name": "other", "tags": [{"key": "k", "value": "v"}]})
    received = site.receiver.wait_for(7)
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
    assert set(site.receiver.kinds) == set(KINDS)
    assert len({each.id for each in received}) == 7
    assert all(each.is_signed_with(SECRET) and each.path == "/hook" for each in received)
    assert not any(SECRET in text for each in received for text in each.headers.values())


def test_registration_that_is_sent_twice_is_told_once(site: Site):
    site.make_webhook(events=["model_version.created"])
    again = new_guid()
    for _ in range(3):
        site.register(registration_id=again)
    site.register("last")
    assert [each.message["data"]["name"] for each in site.receiver.wait_for(2)] == ["net", "last"]


def test_delivery_that_fails_is_repeated_under_its_id_before_the_next(site: Site):
    site.receiver.replies += [Reply(500, body=b"not today"), Reply(302, (("Location", "/elsewhere"),))]
    webhook = site.make_webhook(secret=SECRET)
    site.register()
    received = site.receiver.wait_for(4)
    assert [each.kind for each in received] == [KINDS[0]] * 3 + [KINDS[1]]
    assert len({each.id for each in received}) == 2
    assert {each.path for each in received} == {"/hook"}
    assert all(each.is_signed_with(SECRET) for each in received)
    site.wait_until_all_arrived(webhook)
    shown = site.call("GET", webhook)
    assert shown["failure"] == ""
    assert shown["delivered_at"]


def test_failure_is_told_until_it_is_over(site: Site):
    site.receiver.replies.append(Reply(503, (("Retry-After", "3600"),), b"not\0 today"))
    webhook = site.make_webhook()
    site.register()
    site.receiver.wait_until(lambda: site.call("GET", webhook)["failure"] != "")
    shown = site.call("GET", webhook)
    assert (shown["failure"], shown["waiting"], shown["delivered_at"]) == ("It answered 503: not today", 2, None)
    site.call("PATCH", webhook, {"description": "tries at once"})
    assert [each.kind for each in site.receiver.wait_for(3)] == [KINDS[0], KINDS[0], KINDS[1]]


def test_events_survive_that_the_server_is_killed(own: Site):
    """One that is being delivered, and one that waits behind it."""
    own.receiver.held.clear()
    webhook = own.make_webhook()
    own.register()
    (first,) = own.receiver.wait_for(1)
    own.server.kill()
    own.receiver.held.set()
    own.server.start()
    again, following = own.receiver.wait_for(3)[1:]
    assert (again.id, again.body) == (first.id, first.body)
    assert following.kind == KINDS[1]
    own.wait_until_all_arrived(webhook)


def test_events_wait_for_a_receiver_that_is_away_and_hold_up_no_other(tmp_path: Path):
    with Receiver() as first, Receiver() as slow, Receiver() as quick:
        port, places = first.port, ", ".join(each.place for each in (first, slow, quick))
        running = RunningServer(tmp_path / "home", "--allowed-destinations", places)
        running.start()
        webhooks = [Site(running, each, running.workspace()).make_webhook() for each in (first, slow, quick)]
        site = Site(running, slow, running.workspace())
        slow.held.clear()
        first.close()
        site.register()
        assert [each.kind for each in quick.wait_for(2)] == KINDS[:2]
        assert len(slow.received) == 1
        assert site.call("GET", webhooks[0])["waiting"] == 2
        with Receiver(port) as again:
            assert [each.kind for each in again.wait_for(2)] == KINDS[:2]
            site.wait_until_all_arrived(webhooks[0])
        slow.held.set()
        running.stop()


def test_one_of_several_processes_delivers(tmp_path: Path, postgresql: PostgresqlCluster):
    with Receiver() as receiver:
        options = ("--allowed-destinations", receiver.place, "--processes", "3")
        running = RunningServer(tmp_path / "home", *options, database=postgresql.make_database())
        running.start()
        site = Site(running, receiver, running.workspace())
        webhook = site.make_webhook(events=[KINDS[1]], secret=SECRET)
        for _ in range(12):
            site.register()
        site.wait_until_all_arrived(webhook)
        running.stop()
    assert [each.message["data"]["version"] for each in receiver.received] == [str(each) for each in range(1, 13)]
    assert len({each.id for each in receiver.received}) == 12


def test_disabled_and_deleted_webhooks_are_told_nothing(site: Site):
    disabled = site.make_webhook(name="disabled", state="Disabled")
    site.receiver.replies.append(Reply(500, (("Retry-After", "3600"),)))
    late = site.make_webhook(name="late", url=f"http://{site.receiver.place}/late")
    deleted = site.make_webhook(name="deleted", url=f"http://{site.receiver.place}/deleted", state="Disabled")
    site.register()
    site.receiver.wait_until(lambda: site.call("GET", late)["failure"] != "")
    assert site.call("GET", disabled)["waiting"] == 0
    assert site.call("PATCH", late, {"state": "Disabled"})["waiting"] == 0
    site.call("DELETE", deleted)
    assert site.server.ask("GET", site.workspace + deleted).status == 404
    site.call("PATCH", disabled, {"state": "Active", "events": ["model_version.created"]})
    site.register()
    assert [each.path for each in site.receiver.wait_for(2)] == ["/late", "/hook"]
    assert {each["name"] for each in site.call("GET", "/webhooks")} == {"disabled", "late"}


def test_trial_tells_what_came_of_it(site: Site):
    webhook = site.make_webhook(secret=SECRET, state="Disabled")
    assert site.call("POST", f"{webhook}/test", {}) == {"success": True, "status": 200, "body": "taken", "error": ""}
    site.receiver.replies.append(Reply(418, body=b"x" * 5000))
    refused = site.call("POST", f"{webhook}/test", {"event": "model_version_tag.set"})
    assert (refused["success"], refused["status"], refused["body"]) == (False, 418, "x" * 1000)
    assert site.receiver.kinds == [KINDS[0], "model_version_tag.set"]
    assert all(each.is_signed_with(SECRET) for each in site.receiver.received)
    site.call("PATCH", webhook, {"secret": ""})
    site.call("POST", f"{webhook}/test", {})
    assert "x-mlflow-signature" not in site.receiver.received[-1].headers


def test_webhook_that_is_sent_twice_counts_once(site: Site):
    again = new_guid()
    new = {"webhook_id": again, "name": "hook", "url": f"http://{site.receiver.place}/", "events": KINDS[:1]}
    assert site.call("POST", "/webhooks", new) == site.call("POST", "/webhooks", new)
    assert len(site.call("GET", "/webhooks")) == 1
    with pytest.raises(Refused) as other:
        site.call("POST", "/webhooks", {**new, "name": "other"})
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
def test_mistakes_are_told(site: Site, wrong: "dict[str, Any]", said: str):
    new = {"webhook_id": new_guid(), "name": "hook", "url": "https://1.1.1.1/", "events": KINDS, **wrong}
    with pytest.raises(Refused) as refused:
        site.call("POST", "/webhooks", new)
    assert refused.value.status == 400
    assert said in json.dumps(refused.value.body)


def test_workspace_goes_with_its_webhooks_and_their_secrets(site: Site):
    site.make_webhook(secret=SECRET)
    webhook = site.make_webhook(secret=SECRET)
    site.call("DELETE", webhook)
    assert site.server.call("GET", "/api/v1/keyvault")["sealed"] == 1
    site.server.call("DELETE", site.workspace)
    assert site.server.call("GET", "/api/v1/keyvault")["sealed"] == 0
