"""Contents, snapshots, artifacts and logs."""

import io
import zipfile
from pathlib import Path

import pytest

from terrazul.core.ids import guid_of_digest
from terrazul.testing.server import Refused, RunningServer
from terrazul.wire import pack
from terrazul.wire.snapshot import SnapshotFile, manifest_digest

from .conftest import digest_of, file_of, packed, run_of, send


def test_pack_goes_in_and_comes_out(server: RunningServer):
    workspace = server.workspace()
    contents = [b"", b"a", b"b" * 3_000_000, bytes(range(256))]
    send(server, workspace, *contents)
    asked = [digest_of(data) for data in contents]
    server.kill()
    server.start()
    missing = server.call("POST", f"{workspace}/contents/missing", {"digests": [*asked, digest_of(b"other")]})
    assert missing["digests"] == [digest_of(b"other")]
    stream = io.BytesIO(server.call("POST", f"{workspace}/contents/fetch", {"digests": asked}))
    found: dict[str, bytes] = {}
    for part in pack.read(stream):
        if isinstance(part, pack.Header):
            found[part.digest] = b""
            current = part.digest
        else:
            found[current] += part
    assert found == dict(zip(asked, contents, strict=True))


@pytest.mark.parametrize("broken", [packed(b"abc")[:-1], packed(b"abc")[:20], packed(b"abc")[:-1] + b"x"])
def test_broken_pack_leaves_nothing(shared_server: RunningServer, broken: bytes):
    workspace = shared_server.workspace()
    with pytest.raises(Refused) as refused:
        shared_server.call("POST", f"{workspace}/contents", packed(b"good") + broken)
    assert refused.value.status == 400
    missing = shared_server.call("POST", f"{workspace}/contents/missing", {"digests": [digest_of(b"good")]})
    assert missing["digests"] == [digest_of(b"good")]
    assert not list((shared_server.home.blobs_folder / "incoming").iterdir())


def test_content_with_another_digest_is_refused(shared_server: RunningServer):
    workspace = shared_server.workspace()
    with pytest.raises(Refused, match="announced"):
        shared_server.call("PUT", f"{workspace}/contents/{digest_of(b'a')}", b"b")
    shared_server.call("PUT", f"{workspace}/contents/{digest_of(b'a')}", b"a")


def test_snapshot_is_named_by_its_content(server: RunningServer):
    workspace = server.workspace()
    files = {"train.py": b"print(1)", "data/x.csv": b"1,2"}
    send(server, workspace, *files.values())
    manifest = {"files": [file_of(path, data) for path, data in files.items()]}
    first = server.call("POST", f"{workspace}/snapshots", manifest)
    manifest["files"].reverse()
    assert server.call("POST", f"{workspace}/snapshots", manifest)["snapshot_id"] == first["snapshot_id"]
    archive = server.call("GET", f"{workspace}/snapshots/{first['snapshot_id']}/zip")
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == files

    send(server, workspace, b"print(2)")
    changed = [*manifest["files"][:1], file_of("train.py", b"print(2)")]
    named = guid_of_digest(manifest_digest([SnapshotFile(**each) for each in changed]))
    delta = {
        "base_snapshot_id": first["snapshot_id"],
        "snapshot_id": named,
        "changed": [file_of("train.py", b"print(2)")],
        "removed": [],
    }
    assert server.call("POST", f"{workspace}/snapshots/delta", delta)["snapshot_id"] == named
    whole = server.call("GET", f"{workspace}/snapshots/{named}")["manifest"]["files"]
    assert [file["path"] for file in whole] == ["data/x.csv", "train.py"]
    with pytest.raises(Refused, match="does not lead"):
        server.call("POST", f"{workspace}/snapshots/delta", {**delta, "removed": ["data/x.csv"]})


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "a\\b", "a//b", "C:x", "．．/x", "a\0"])
def test_snapshot_path_that_leaves_the_tree_is_refused(shared_server: RunningServer, path: str):
    workspace = shared_server.workspace()
    send(shared_server, workspace, b"x")
    with pytest.raises(Refused) as refused:
        shared_server.call("POST", f"{workspace}/snapshots", {"files": [file_of(path, b"x")]})
    assert refused.value.status == 400


def test_snapshot_without_its_bytes_is_refused(shared_server: RunningServer):
    with pytest.raises(Refused, match="not arrived"):
        shared_server.call("POST", f"{shared_server.workspace()}/snapshots", {"files": [file_of("x", b"nobody")]})


def test_artifact_keeps_its_bytes(server: RunningServer):
    workspace = server.workspace()
    run = run_of(server, workspace)
    send(server, workspace, b"0123456789", b"other")
    new = {"run_id": "r", "path": "outputs/m.pkl", "digest": digest_of(b"0123456789"), "size": 10, "time": 1}
    server.call("POST", f"{workspace}/writes", {"writer": "w", "sequence": 1, "artifacts": [new]})
    again = {**new, "digest": digest_of(b"other")}
    refusals = server.call("POST", f"{workspace}/writes", {"writer": "w", "sequence": 2, "artifacts": [again]})
    assert refusals["refusals"][0]["code"] == "already_exists"
    assert server.call("GET", f"{run}/artifact?path=outputs/m.pkl") == b"0123456789"
    assert [each["path"] for each in server.call("GET", f"{run}/artifacts?prefix=outputs/")] == ["outputs/m.pkl"]


@pytest.mark.parametrize(
    "path",
    ["../token", "..%2ftoken", "%252e%252e/token", "/etc/passwd", "file:/etc/passwd", "a%00", "..\\token", "a" * 3000],
)
def test_hostile_artifact_path_reads_nothing(shared_server: RunningServer, path: str):
    run = run_of(shared_server, shared_server.workspace())
    with pytest.raises(Refused) as refused:
        shared_server.call("GET", f"{run}/artifact?path={path}")
    assert refused.value.status in {400, 404}


def test_log_grows_by_offset_and_is_sealed(server: RunningServer):
    workspace = server.workspace()
    run = run_of(server, workspace)
    log = f"{run}/log?path=azureml-logs/70_driver_log.txt"
    server.call("POST", f"{log}&offset=0", b"first\n")
    server.call("POST", f"{log}&offset=3", b"st\nsecond\n")
    server.kill()
    server.start()
    server.call("POST", f"{log}&offset=0", b"first\n")
    assert server.call("GET", f"{log}&offset=0") == b"first\nsecond\n"
    with pytest.raises(Refused, match="missing"):
        server.call("POST", f"{log}&offset=100", b"x")
    large = b"x" * 100_000
    server.call("POST", f"{log}&offset=13", large)
    assert server.call("POST", f"{log}&offset=100013&close=true", b"end")["open"] is False
    whole = b"first\nsecond\n" + large + b"end"
    assert server.call("GET", f"{run}/artifact?path=azureml-logs/70_driver_log.txt") == whole
    assert server.call("GET", f"{log}&offset=100010") == b"xxxend"
    assert not list(Path(server.home.blobs_folder).glob("*/logs/*"))
