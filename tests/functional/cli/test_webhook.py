"""Webhooks from the command line."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from terrazul.testing.receiver import Receiver

from .conftest import Shell

pytestmark = pytest.mark.functional


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Shell]:
    """A folder of a workspace, on a server whose administrator allows the receiver."""
    shell = Shell(tmp_path_factory.mktemp("project"))
    started = shell("up", "--allowed-destinations", receiver.place)
    assert started.returncode == 0, started.stderr
    assert shell("folder", "attach", "-w", "research").returncode == 0
    yield shell
    shell("down")


def test_webhook_is_made_tried_listed_and_deleted(project: Shell, receiver: Receiver):
    Path(project.folder, "secret.txt").write_text("hunter2\n")
    url = f"http://{receiver.place}/hook"
    (event, other) = ("model_version_alias.created", "model_version.created")
    line = ("webhook", "create", "deploy", url, "--event", event, "--event", other, "--secret-file", "secret.txt")
    made = project.json(*line)
    assert (made["name"], made["url"], made["events"], made["state"]) == ("deploy", url, [event, other], "Active")
    tried = project("webhook", "test", "deploy")
    assert (tried.returncode, "200" in tried.stdout) == (0, True), tried
    assert receiver.received[-1].kind == event
    assert receiver.received[-1].is_signed_with("hunter2")
    project("webhook", "test", made["webhook_id"], "--event", other)
    assert receiver.received[-1].kind == other
    (listed,) = project.json("webhook", "list")
    assert (listed["webhook_id"], "hunter2" in str(listed)) == (made["webhook_id"], False)
    unsure = project("webhook", "delete", "deploy")
    assert (unsure.returncode, "Nobody can be asked" in unsure.stderr) == (2, True)
    assert project("webhook", "delete", "deploy", "--yes").returncode == 0
    assert "There are no webhooks" in project("webhook", "list").stderr


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        (("create", "x", "http://127.0.0.1:1/"), 2, "--allowed-destinations 127.0.0.1:1"),
        (("create", "x", "hooks.example"), 2, "Write https://name/path"),
        (("create", "x", "https://1.1.1.1/", "--event", "run.failed"), 2, "The events are registered_model.created"),
        (("create", "x", "https://1.1.1.1/", "--secret-file", "absent"), 2, "cannot be read"),
        (("delete", "x", "--yes"), 3, "There is no webhook 'x'"),
        (("test", "x"), 3, "There is no webhook 'x'"),
    ],
)
def test_mistakes_are_told(project: Shell, line: "tuple[str, ...]", code: int, told: str):
    ended = project("webhook", *line)
    assert (ended.returncode, told in ended.stderr) == (code, True), ended
