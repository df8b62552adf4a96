"""A server that keeps its files in a bucket."""

import io
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from terrazul.testing.postgresql import PostgresqlCluster
from terrazul.testing.server import Refused, RunningServer
from terrazul.testing.stores import S3_VARIABLES, free_place, make_bucket, s3_server
from terrazul.wire import pack

from .conftest import digest_of, run_of, send

LARGE = os.urandom(1 << 20) * 40
"""More than goes in one request."""
MIDDLE = os.urandom(100_000)
SMALL = b"a few bytes"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_server() as place:
        yield f"http://{place}"


@pytest.fixture
def bucket(endpoint: str) -> str:
    return make_bucket(endpoint)


@pytest.fixture
def server(tmp_path: Path, endpoint: str, bucket: str) -> Iterator[RunningServer]:
    server = server_over(tmp_path, endpoint, bucket)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def server_over(home: Path, endpoint: str, bucket: str, *further: str, database: str = "") -> RunningServer:
    options = ("--storage", f"s3://{bucket}/files", "--storage-endpoint", endpoint, *further)
    return RunningServer(home / "home", *options, variables=S3_VARIABLES, database=database)


def _keys(endpoint: str, bucket: str) -> list[str]:
    with urlopen(f"{endpoint}/{bucket}?list-type=2&max-keys=1000") as answer:
        text = answer.read().decode()
    return [each.partition("</Key>")[0] for each in text.split("<Key>")[1:]]


def _upload(server: RunningServer, run_id: str, path: str, data: bytes) -> None:
    address = f"{server.url}/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/{path}"
    request = Request(address, data, {"Authorization": f"Bearer {server.token}"}, method="PUT")
    with urlopen(request) as answer:
        assert answer.status == 200


def _download(server: RunningServer, run: str, path: str) -> bytes:
    data: bytes = server.call("GET", f"{run}/artifact?path={path}")
    return data


def _await(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_comes_by_any_way_lies_in_the_bucket_and_comes_back(server: RunningServer, endpoint: str, bucket: str):
    workspace = server.workspace()
    run = run_of(server, workspace)
    files = {"large.bin": LARGE, "middle.bin": MIDDLE, "small.txt": SMALL, "empty": b""}
    for path, data in files.items():
        _upload(server, "r", path, data)
    packed = [b"%d" % number * 1000 for number in range(50)]
    send(server, workspace, *packed)
    alone = os.urandom(3_000_000)
    server.call("PUT", f"{workspace}/contents/{digest_of(alone)}", alone)
    server.call("PUT", f"{workspace}/contents/{digest_of(alone)}", alone)  # sent twice, it is kept once
    server.kill()
    server.start()
    assert {path: _download(server, run, path) for path in files} == files
    asked = [digest_of(each) for each in (*packed, alone)]
    stream = io.BytesIO(server.call("POST", f"{workspace}/contents/fetch", {"digests": asked}))
    found: dict[str, bytes] = {}
    current = ""
    for part in pack.read(stream):
        if isinstance(part, pack.Header):
            current = part.digest
            found[current] = b""
        else:
            found[current] += part
    assert found == {digest_of(each): each for each in (*packed, alone)}
    kinds = sorted(key.split("/")[2] for key in _keys(endpoint, bucket))
    assert kinds == ["contents"] * 3 + ["packs"]
    assert not server.home.blobs_folder.exists()


def test_what_is_deleted_leaves_the_bucket(server: RunningServer, endpoint: str, bucket: str):
    workspace = server.workspace()
    for name in ("goes", "stays"):
        run_of(server, workspace, name)
        _upload(server, name, f"{name}.bin", os.urandom(100_000))
        ended = {"run_id": name, "status": "FINISHED"}
        server.call("POST", f"{workspace}/mlflow/api/2.0/mlflow/runs/update", ended)
    order = {"deletion_id": "d", "selection": {"run_ids": ["goes"]}}
    server.call("POST", f"{workspace}/deletions", order)
    _await(lambda: server.call("GET", f"{workspace}/deletions/d?wait=30")["state"] == "Done")
    _await(lambda: len(_keys(endpoint, bucket)) == 1)
    server.call("DELETE", workspace)
    server.stop()
    server.start()  # it goes on with what it had to do
    _await(lambda: not _keys(endpoint, bucket))


def test_storage_that_is_away_is_told_and_comes_back(tmp_path: Path):
    place = free_place()
    server = server_over(tmp_path, f"http://{place}", "b-away")
    server.start()
    try:
        workspace = server.workspace()
        run = run_of(server, workspace)
        for data in (b"x" * 100_000, LARGE):
            with pytest.raises(Refused) as refused:
                server.call("PUT", f"{workspace}/contents/{digest_of(data)}", data)
            assert refused.value.status == 503
            assert "s3://b-away/files" in refused.value.body["message"]
            assert "credential" in refused.value.body["hint"]
        _upload(server, "r", "small.txt", SMALL)
        assert _download(server, run, "small.txt") == SMALL
        with s3_server(place), urlopen(Request(f"http://{place}/b-away", method="PUT")):
            server.call("PUT", f"{workspace}/contents/{digest_of(MIDDLE)}", MIDDLE)
    finally:
        server.kill()


def test_another_storage_than_before_is_refused(tmp_path: Path, endpoint: str, bucket: str):
    server = server_over(tmp_path, endpoint, bucket)
    server.start()
    try:
        send(server, server.workspace(), b"kept")
    finally:
        server.kill()
    forgetful = RunningServer(tmp_path / "home")
    with pytest.raises(AssertionError, match=f"Start it with --storage s3://{bucket}/files"):
        forgetful.start()
    moved = RunningServer(tmp_path / "home", "--storage-moved")
    moved.start()
    moved.kill()


def test_clients_that_follow_fetch_large_files_from_the_storage(tmp_path: Path, endpoint: str, bucket: str):
    server = server_over(tmp_path, endpoint, bucket, "--storage-direct")
    server.start()
    try:
        workspace = server.workspace()
        run = run_of(server, workspace)
        files = {"large.bin": LARGE, "middle.bin": MIDDLE}
        for path, data in files.items():
            _upload(server, "r", path, data)
        assert _download(server, run, "large.bin") == LARGE  # through the server for who has not said that it follows
        artifacts = f"{workspace}/mlflow/api/2.0/mlflow-artifacts/artifacts/0/r/artifacts"
        for path, header in (
            (f"{run}/artifact?path=large.bin", {"Terrazul-Direct": "yes"}),
            (f"{artifacts}/large.bin", {"User-Agent": "mlflow-python-client/3.0.0"}),
        ):
            answer = server.ask("GET", path, headers=header)
            assert (answer.status, answer.body) == (307, b"")
            assert answer.headers["location"].startswith(f"{endpoint}/{bucket}/files/")
            assert answer.headers["cache-control"] == "no-store"
            with urlopen(Request(answer.headers["location"], headers={"Range": "bytes=5-8"})) as part:
                assert part.read() == LARGE[5:9]
            assert server.ask("GET", path, headers=header, token="none").status == 401
            assert server.ask("GET", path.replace("large", "middle"), headers=header).body == MIDDLE
    finally:
        server.kill()


def test_several_processes_share_a_bucket(tmp_path: Path, endpoint: str, bucket: str, postgresql: PostgresqlCluster):
    server = server_over(tmp_path, endpoint, bucket, "--processes", "2", database=postgresql.make_database())
    server.start()
    try:
        run = run_of(server, server.workspace())
        files = {f"{number}.bin": os.urandom(100_000 if number % 2 else 1000) for number in range(8)}
        with ThreadPoolExecutor(4) as clients:  # each connection goes to whichever process takes it
            list(clients.map(lambda each: _upload(server, "r", *each), files.items()))
            found = clients.map(lambda path: _download(server, run, path), files)
        assert list(found) == list(files.values())
    finally:
        server.stop()


@pytest.mark.alone
def test_what_was_acknowledged_survives_a_kill(server: RunningServer):
    workspace = server.workspace()
    run = run_of(server, workspace)
    acknowledged: dict[str, bytes] = {}

    def upload(writer: int) -> None:
        for number in range(1000):
            path, data = f"{writer}/{number}", os.urandom(100 if number % 2 else 30_000)
            try:
                _upload(server, "r", path, data)
            except (OSError, AssertionError):
                return
            acknowledged[path] = data

    threads = [threading.Thread(target=upload, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    _await(lambda: len(acknowledged) >= 40)
    server.kill()
    for thread in threads:
        thread.join()
    server.start()
    assert {path: _download(server, run, path) for path in acknowledged} == acknowledged
