"""Snapshots, packs and archives: nothing is written where it does not belong, nothing swells beyond its measure."""

import hashlib
import io
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from terrazul.core.errors import TerrazulError, TooLarge
from terrazul.sdk.run import Run
from terrazul.sdk.snapshot import take_snapshot
from terrazul.sdk.workspace import Workspace
from terrazul.testing.server import Refused, RunningServer
from terrazul.wire import pack

from .conftest import Victim
from .test_paths import HOSTILE

MEGABYTE = 1 << 20


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def send(server: RunningServer, workspace: str, data: bytes) -> str:
    server.call("PUT", f"{workspace}/contents/{digest_of(data)}", data)
    return digest_of(data)


def peak_of(pid: int) -> int:
    """The most memory that a process has had, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


class LyingServer(BaseHTTPRequestHandler):
    """Says that a run has files of any name, and gives bytes for each of them."""

    names: ClassVar[list[str]] = []
    snapshot_id: ClassVar[str] = ""
    run_id: ClassVar[str] = "r"

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path.endswith("/artifacts"):
            self._answer([{"path": name, "size": 4, "digest": "", "created_at": "x"} for name in self.names])
        elif "path" in parse_qs(address.query) or "/snapshots/" in address.path:
            self._send(b"evil")
        else:
            self._answer(self._run())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        described = dict.fromkeys(
            ["subscription_id", "resource_group", "location", "friendly_name", "description"], "x"
        )
        self._answer(
            {**described, "workspace_id": "w", "name": "lying", "tags": {}, "created_at": "", "created_by": ""}
        )

    def _run(self) -> dict[str, Any]:
        texts = dict.fromkeys(["experiment_id", "experiment_name", "type", "display_name", "description"], "x")
        times = {"created_at": "2026-01-01T00:00:00.000000Z", "created_by": "x", "state": "Completed", "number": 1}
        shape = {"run_id": self.run_id, "root_run_id": "r", "tags": {}, "snapshot_id": self.snapshot_id}
        return {**texts, **times, **shape, "properties": {"ContentSnapshotId": self.snapshot_id}}

    def _answer(self, value: object) -> None:
        self._send(json.dumps(value).encode())

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def run_of_a_lying_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    with ThreadingHTTPServer(("127.0.0.1", 0), LyingServer) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        monkeypatch.setenv("TERRAZUL_SERVER", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("TERRAZUL_TOKEN", "x")
        target = tmp_path / "deep" / "target"
        target.mkdir(parents=True)
        monkeypatch.chdir(target)
        LyingServer.snapshot_id = "0" * 8 + "-0000-0000-0000-" + "0" * 12
        yield Run.get(Workspace("s", "g", "lying"), "r")
        server.shutdown()


def written_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


SAFE = ("encoded once", "encoded twice")
LIES = [path for name, path in HOSTILE.items() if path and name not in SAFE]


@pytest.mark.parametrize("path", LIES, ids=[name for name, path in HOSTILE.items() if path and name not in SAFE])
def test_download_never_leaves_its_folder(run_of_a_lying_server: Run, tmp_path: Path, path: str):
    LyingServer.names = [path]
    for keep in (True, False):
        with pytest.raises(TerrazulError):
            run_of_a_lying_server.download_files(output_directory="outputs", append_prefix=keep)
    with pytest.raises(TerrazulError):
        run_of_a_lying_server.get_all_logs("logs")
    assert written_below(tmp_path) == []


def test_prefix_that_is_cut_off_leads_nowhere_else(run_of_a_lying_server: Run, tmp_path: Path):
    LyingServer.names = ["abc../../../evil", "abc/../../evil", "abc"]
    with pytest.raises(TerrazulError):
        run_of_a_lying_server.download_files("abc", output_directory="outputs", append_prefix=False)
    assert written_below(tmp_path) == []


@pytest.mark.parametrize("snapshot_id", ["../evil", "/tmp/evil", "..", "a/b", "x" * 300, "evil\0"])
def test_restored_snapshot_never_leaves_its_folder(run_of_a_lying_server: Run, tmp_path: Path, snapshot_id: str):
    LyingServer.snapshot_id = snapshot_id
    run = Run.get(run_of_a_lying_server.experiment.workspace, "r")
    with pytest.raises(TerrazulError):
        run.restore_snapshot()
    with pytest.raises(TerrazulError):
        run.restore_snapshot(snapshot_id)
    assert written_below(tmp_path) == []


def test_honest_files_are_written(run_of_a_lying_server: Run, tmp_path: Path):
    """The check of the check; with the longest names that a folder takes."""
    LyingServer.names = ["outputs/model.bin", "a" * 255, "ü" * 127]
    run_of_a_lying_server.download_files()
    path = run_of_a_lying_server.restore_snapshot()
    assert written_below(tmp_path / "deep" / "target") == sorted([*LyingServer.names, path])


def test_existing_link_is_replaced_and_not_written_through(run_of_a_lying_server: Run, tmp_path: Path):
    outside = tmp_path / "outside"
    outside.write_text("safe")
    Path("model.bin").symlink_to(outside)
    LyingServer.names = ["model.bin"]
    run_of_a_lying_server.download_files()
    assert outside.read_text() == "safe"
    assert Path("model.bin").read_text() == "evil"


@pytest.mark.parametrize("paths", [["a", "a"], ["a", "a/b"], ["a/b/c", "a/b"], ["b/a", "b"]])
def test_tree_that_no_folder_can_hold_is_refused(platform: RunningServer, neighbour: Victim, paths: list[str]):
    digest = send(platform, neighbour.workspace, b"x")
    files = [{"path": path, "digest": digest, "size": 1} for path in paths]
    with pytest.raises(Refused) as refused:
        platform.call("POST", f"{neighbour.workspace}/snapshots", {"files": files})
    assert refused.value.status == 400


def test_names_that_differ_in_case_are_two_files(platform: RunningServer, neighbour: Victim):
    contents = {"Model.py": b"large", "model.py": b"small", "MODEL.PY": b"shouted"}
    files = [
        {"path": path, "digest": send(platform, neighbour.workspace, data), "size": len(data)}
        for path, data in contents.items()
    ]
    snapshot = platform.call("POST", f"{neighbour.workspace}/snapshots", {"files": files})["snapshot_id"]
    archive = platform.call("GET", f"{neighbour.workspace}/snapshots/{snapshot}/zip")
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == contents


@pytest.mark.parametrize("mode", [0o777, 0o4755, 0o120777, 0o20666, 0o60000, -1, 2**70])
def test_snapshot_holds_plain_files_only(platform: RunningServer, neighbour: Victim, mode: int):
    """No link, no device, no set-user-id."""
    file = {"path": "x", "digest": send(platform, neighbour.workspace, b"x"), "size": 1, "mode": mode}
    with pytest.raises(Refused, match="mode"):
        platform.call("POST", f"{neighbour.workspace}/snapshots", {"files": [file]})


@pytest.mark.parametrize("size", [0, 2, 2**40, 2**63])
def test_snapshot_that_lies_about_a_size_is_refused(platform: RunningServer, neighbour: Victim, size: int):
    """So that the administrator's limit counts what is there."""
    file = {"path": "x", "digest": send(platform, neighbour.workspace, b"x"), "size": size}
    with pytest.raises(Refused):
        platform.call("POST", f"{neighbour.workspace}/snapshots", {"files": [file]})


@pytest.mark.parametrize(
    "body",
    [
        pack.encode_header("0" * 64, 2**62) + b"x",
        pack.encode_header("0" * 64, 2**64 - 1) + b"x" * 3_000_000,
        pack.encode_header(digest_of(b"ab"), 1) + b"ab",
        pack.encode_header(digest_of(b"ab"), 3) + b"ab",
        pack.encode_header(digest_of(b"a"), 0),
        b"\0" * 39,
        b"\xff" * 5_000_000,
        pack.encode_header(digest_of(b""), 0) * 50_000 + b"x",
    ],
    ids=["huge", "largest", "too short", "too long", "empty", "no header", "noise", "many"],
)
def test_pack_that_lies_is_refused_and_leaves_nothing(platform: RunningServer, neighbour: Victim, body: bytes):
    answer = platform.ask("POST", f"{neighbour.workspace}/contents", body)
    assert answer.status == 400, answer
    assert list((platform.home.blobs_folder / "incoming").iterdir()) == []


def test_archive_of_one_content_in_many_places_is_made_while_it_is_read(
    platform: RunningServer, neighbour: Victim, tmp_path: Path
):
    """400 GB by name: the server makes what is fetched, and forgets the rest."""
    data = bytes(8 * MEGABYTE)
    file = {"digest": send(platform, neighbour.workspace, data), "size": len(data)}
    files = [{"path": f"{number}.bin", **file} for number in range(50_000)]
    snapshot = platform.call("POST", f"{neighbour.workspace}/snapshots", {"files": files})["snapshot_id"]
    before = peak_of(platform.pid)
    program = (
        "import sys, urllib.request\n"
        "request = urllib.request.Request(sys.argv[1], headers={'Authorization': 'Bearer ' + sys.argv[2]})\n"
        "with urllib.request.urlopen(request, timeout=20) as answer: print(len(answer.read(200_000)))"
    )
    address = f"{platform.url}{neighbour.workspace}/snapshots/{snapshot}/zip"
    variables = {**os.environ, "TMPDIR": str(tmp_path)}
    read = subprocess.run(
        [sys.executable, "-c", program, address, platform.token], env=variables, capture_output=True, check=True
    )
    assert read.stdout.strip() == b"200000"
    assert peak_of(platform.pid) - before < 100 * MEGABYTE


@pytest.fixture
def sparse(tmp_path: Path) -> Path:
    """A folder with a file that is large by name."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "train.py").write_text("print(1)")
    with (folder / "sparse.bin").open("wb") as file:
        file.truncate(10 << 30)
    return folder


def test_administrators_limit_is_told_before_anything_is_read_or_sent(
    tmp_path: Path, sparse: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    server = RunningServer(tmp_path / "home", "--snapshot-limit", str(1 << 30))
    server.start()
    monkeypatch.setenv("TERRAZUL_SERVER", server.url)
    monkeypatch.setenv("TERRAZUL_TOKEN", server.token)
    client = Workspace("local", "terrazul", "limited").client
    before = server.call("GET", "/api/v1/server/status")["content_bytes"]
    with pytest.raises(TooLarge, match=r"sparse\.bin"):
        take_snapshot(client, str(sparse))
    assert server.call("GET", "/api/v1/server/status")["content_bytes"] == before
    assert not list(server.home.blobs_folder.rglob("contents"))
    (sparse / "sparse.bin").unlink()
    assert take_snapshot(client, str(sparse))
    server.stop()


def test_large_file_passes_through_small_memory(
    platform: RunningServer, neighbour: Victim, sparse: Path, tmp_path: Path
):
    os.truncate(sparse / "sparse.bin", 300 * MEGABYTE)
    before = peak_of(platform.pid)
    program = (
        "import sys\n"
        "from terrazul.sdk.client import Address, Client\n"
        "from terrazul.sdk.snapshot import take_snapshot\n"
        "take_snapshot(Client(Address(sys.argv[1], sys.argv[2])).within(sys.argv[3]), sys.argv[4])\n"
        "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    arguments = [platform.url, platform.token, neighbour.workspace, str(sparse)]
    variables = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    sent = subprocess.run(
        [sys.executable, "-c", program, *arguments], env=variables, capture_output=True, text=True, check=True
    )
    assert int(sent.stdout.split()[-2]) << 10 < 120 * MEGABYTE
    assert peak_of(platform.pid) - before < 100 * MEGABYTE
