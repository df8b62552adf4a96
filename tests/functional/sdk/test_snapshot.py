"""Snapshots: sent once, told by their difference afterwards."""

import hashlib
import zipfile
from pathlib import Path
from typing import Dict, List

import pytest

from terrazul.core.errors import SnapshotException, TooLarge
from terrazul.core.home import Home
from terrazul.sdk import snapshot
from terrazul.sdk.client import Client, Request
from terrazul.sdk.experiment import Experiment
from terrazul.sdk.snapshot import take_snapshot
from terrazul.sdk.snapshot_memory import SnapshotMemory
from terrazul.sdk.workspace import Workspace
from terrazul.testing.server import RunningServer
from terrazul.wire.snapshot import Digests

from .conftest import at_work


class Watched(Client):
    """A client that remembers which requests it made."""

    requests: List[str] = []  # noqa: RUF012  # one test at a time

    def open(self, request: Request):
        self.requests.append(request.path)
        return super().open(request)


@pytest.fixture
def client(workspace: Workspace) -> Client:
    Watched.requests = []
    return Watched(workspace.client.address, workspace.client.prefix)


def content_of(experiment: Experiment, snapshot_id: str) -> Dict[str, bytes]:
    run = experiment.start_logging()
    with zipfile.ZipFile(run.restore_snapshot(snapshot_id, "zips")) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(folder: Path, files: Dict[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def test_what_was_taken_is_given_back(client: Client, experiment: Experiment, person: Path):
    files = {"a.py": b"print()", "deep/b": b"", "large": bytes(9_000_000), "same": b"print()", "ü ñ.txt": b"x"}
    write(person / "code", files)
    assert content_of(experiment, take_snapshot(client, "code")) == files


def test_second_time_costs_what_changed(client: Client, experiment: Experiment, person: Path):
    write(person / "code", {f"f{number}": bytes([number]) * 100 for number in range(200)})
    first = take_snapshot(client, "code")
    assert client.requests == ["/contents/missing", "/contents", "/snapshots"]
    client.requests.clear()
    assert take_snapshot(client, "code") == first
    client.requests.clear()
    write(person / "code", {"f1": b"changed", "new": b"new"})
    (person / "code/f2").unlink()
    second = take_snapshot(client, "code")
    assert client.requests == ["/contents/missing", "/contents", "/snapshots/delta"]
    held = content_of(experiment, second)
    assert (held["f1"], held["new"], "f2" in held, len(held)) == (b"changed", b"new", False, 200)


def test_equal_trees_are_one_snapshot(client: Client, person: Path):
    for folder in ("one", "two"):
        write(person / folder, {"a": b"1", "b/c": b"2"})
    assert take_snapshot(client, "one") == take_snapshot(client, "two")


def test_executable_bit_makes_another_snapshot(client: Client, person: Path):
    write(person / "code", {"a.sh": b"ls"})
    first = take_snapshot(client, "code")
    (person / "code/a.sh").chmod(0o755)
    assert take_snapshot(client, "code") != first


def test_base_that_the_server_lost_is_sent_again(client: Client, person: Path):
    write(person / "code", {"a": b"1"})
    first = take_snapshot(client, "code")
    memory = SnapshotMemory.read(str(person / "code"))
    memory.snapshot_id = "00000000-0000-0000-0000-000000000000"
    memory.write(str(person / "code"))
    client.requests.clear()
    assert take_snapshot(client, "code") == first
    assert client.requests[-3:] == ["/snapshots/delta", "/contents/missing", "/snapshots"]


def test_broken_memory_is_no_memory(client: Client, person: Path):
    write(person / "code", {"a": b"1"})
    first = take_snapshot(client, "code")
    for file in (Home().cache_folder / "snapshots").glob("*.json"):
        file.write_text("broken {")
    assert take_snapshot(client, "code") == first


def test_change_within_the_same_size_is_seen(client: Client, experiment: Experiment, person: Path):
    write(person / "code", {"a": b"1111"})
    take_snapshot(client, "code")
    write(person / "code", {"a": b"2222"})
    assert content_of(experiment, take_snapshot(client, "code")) == {"a": b"2222"}


def test_what_is_left_out_is_told(client: Client, person: Path, caplog: pytest.LogCaptureFixture):
    write(person / "code", {"a": b"1", ".git/x": b"1"})
    (person / "code/out").symlink_to(person)
    take_snapshot(client, "code")
    assert "'.git/'" in caplog.text
    assert "'out' is a link that leads out" in caplog.text


def test_large_tree_is_told_with_its_biggest_files(
    client: Client, person: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(snapshot, "_LARGE_BYTES", 1_500_000)
    write(person / "code", {"small": b"1", "big": bytes(1_600_000)})
    take_snapshot(client, "code")
    assert "the biggest are big (2 MB), small (0 MB)" in caplog.text


def test_administrators_limit_is_told_before_anything_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    server = RunningServer(tmp_path / "home", "--snapshot-limit", "1000")
    server.start()
    try:
        write(at_work(server, tmp_path, monkeypatch) / "code", {"big": bytes(1001)})
        there = Workspace("s", "g", "work").client
        with pytest.raises(TooLarge, match=r"0 MB in 1 files; the biggest are big \(0 MB\); an administrator allows"):
            take_snapshot(there, "code")
        digest = hashlib.sha256(bytes(1001)).hexdigest()
        assert there.post(Digests, "/contents/missing", Digests([digest])).digests == [digest]
        write(tmp_path / "desk/code", {"big": bytes(1000)})
        take_snapshot(there, "code")
    finally:
        server.stop()


def test_empty_and_missing_folders_are_told(client: Client, person: Path):
    (person / "code").mkdir()
    with pytest.raises(SnapshotException, match="holds no file"):
        take_snapshot(client, "code")
    with pytest.raises(SnapshotException, match="is not there"):
        take_snapshot(client, "nothing")
