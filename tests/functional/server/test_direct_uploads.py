"""Large contents that clients put into the storage by themselves."""

import hashlib
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from terrazul.sdk import content as sending
from terrazul.sdk.experiment import Experiment
from terrazul.sdk.workspace import Workspace
from terrazul.testing.server import Refused, RunningServer
from terrazul.testing.stores import S3_VARIABLES, make_bucket, s3_server
from terrazul.testing.submission import Submitter

from .conftest import digest_of, run_of

LARGE = os.urandom(1 << 20) * 65
"""More than a client sends through a server whose storage takes it."""


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The address of a bucket."""
    with s3_server() as place:
        yield f"http://{place}/{make_bucket(f'http://{place}')}"


@pytest.fixture(scope="module")
def server(bucket: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server whose storage clients reach too."""
    endpoint, _, name = bucket.rpartition("/")
    options = ("--storage", f"s3://{name}/files", "--storage-endpoint", endpoint, "--storage-direct")
    running = RunningServer(tmp_path_factory.mktemp("direct") / "home", *options, variables=S3_VARIABLES)
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def workspace(server: RunningServer, request: pytest.FixtureRequest) -> str:
    return server.workspace(re.sub(r"\W", "-", request.node.name.replace("test_", "", 1))[:33])


def keys_in(bucket: str) -> list[str]:
    with urlopen(f"{bucket}?list-type=2&max-keys=1000") as answer:
        text = answer.read().decode()
    return [each.partition("</Key>")[0] for each in text.split("<Key>")[1:]]


def arriving(bucket: str) -> list[str]:
    return [key for key in keys_in(bucket) if "/arriving/" in key]


def address(server: RunningServer, workspace: str, *parts: bytes) -> list[dict[str, Any]]:
    asked = {"parts": [{"digest": digest_of(part), "size": len(part)} for part in parts]}
    answer: list[dict[str, Any]] = server.call("POST", f"{workspace}/contents/addresses", asked)["parts"]
    return answer


def put(place: dict[str, Any], data: bytes) -> str:
    headers = {"Content-Type": "application/octet-stream", **place["headers"]}
    with urlopen(Request(place["url"], data, headers, method="PUT"), timeout=20) as answer:
        return str(answer.headers["ETag"])


def join(server: RunningServer, workspace: str, whole: bytes, *parts: bytes) -> None:
    body = {"digest": digest_of(whole), "parts": [digest_of(part) for part in parts]}
    server.call("POST", f"{workspace}/contents/join", body)


def fetch(server: RunningServer, workspace: str, data: bytes) -> bytes:
    found: bytes = server.call("POST", f"{workspace}/contents/fetch", {"digests": [digest_of(data)]})
    return found[40:]


def puts_at(server: RunningServer) -> float:
    """How many bodies have come to the server itself by PUT."""
    text = server.ask("GET", "/metrics").body.decode()
    return sum(
        float(each) for each in re.findall(r'^terrazul_requests_total\{method="PUT".*\} (\S+)', text, re.MULTILINE)
    )


def test_what_was_put_counts_once_it_is_joined(server: RunningServer, workspace: str, bucket: str):
    before = arriving(bucket)
    parts = [os.urandom(100_000) for _ in range(3)]
    whole = b"".join(parts)
    for place, part in zip(address(server, workspace, *parts), parts, strict=True):
        put(place, part)
    everything = {"digests": [digest_of(each) for each in (whole, *parts)]}
    assert server.call("POST", f"{workspace}/contents/missing", everything) == everything
    assert [each["url"] for each in address(server, workspace, *parts)] == [""] * 3  # so nobody sends them again
    join(server, workspace, whole, *parts)
    join(server, workspace, whole, *parts)
    assert fetch(server, workspace, whole) == whole
    assert arriving(bucket) == before


def test_a_content_in_one_part_is_copied_within_the_storage(server: RunningServer, workspace: str, bucket: str):
    (place,) = address(server, workspace, LARGE)
    put(place, LARGE)
    before = set(keys_in(bucket))
    join(server, workspace, LARGE, LARGE)
    put(place, b"what comes later changes nothing")
    assert fetch(server, workspace, LARGE) == LARGE
    (key,) = set(keys_in(bucket)) - before
    assert "/contents/" in key


def test_other_bytes_than_announced_are_refused_and_go(server: RunningServer, workspace: str, bucket: str):
    good, bad, part = os.urandom(1000), os.urandom(1000), os.urandom(1000)
    before = {key for key in keys_in(bucket) if "/contents/" in key}
    first, second = address(server, workspace, good, part)
    put(first, bad)
    put(second, part)
    for parts in ([good], [good, part]):
        with pytest.raises(Refused, match="digest") as refused:
            join(server, workspace, good if len(parts) == 1 else good + part, *parts)
        assert refused.value.status == 400
    assert {key for key in keys_in(bucket) if "/contents/" in key} == before


def test_a_part_that_has_not_come_is_told(server: RunningServer, workspace: str):
    data, other = os.urandom(1000), server.workspace("others")
    (place,) = address(server, workspace, data)
    put(address(server, other, data)[0], data)  # which is of no use here
    with pytest.raises(Refused, match=digest_of(data)[:12]) as refused:
        join(server, workspace, data, data)
    assert refused.value.status == 404
    put(place, data)
    join(server, workspace, data, data)


def test_who_may_not_write_is_given_no_address(server: RunningServer, workspace: str):
    body = b'{"parts": [{"digest": "%s", "size": 5}]}' % digest_of(b"bytes").encode()
    assert server.ask("POST", f"{workspace}/contents/addresses", body, token="none").status == 401
    server.call("PUT", f"{workspace}/quota", {"storage_bytes": 1000})
    try:
        with pytest.raises(Refused, match="1000 bytes") as refused:
            address(server, workspace, os.urandom(2000))
        assert refused.value.status == 409
    finally:
        server.call("PUT", f"{workspace}/quota", {"storage_bytes": 0})


def test_mlflow_is_told_to_put_its_parts_into_the_storage(server: RunningServer, workspace: str, bucket: str):
    run, before = run_of(server, workspace), arriving(bucket)
    artifacts = f"{workspace}/mlflow/api/2.0/mlflow-artifacts/mpu"
    parts = [os.urandom(500_000), os.urandom(300_000)]
    begun = server.call("POST", f"{artifacts}/create/0/r/artifacts/folder", {"path": "w.bin", "num_parts": 2})
    tags = [put(place, part) for place, part in zip(begun["credentials"], parts, strict=True)]
    told = [
        {"part_number": number, "etag": tag, "url": place["url"]}
        for number, (tag, place) in enumerate(zip(tags, begun["credentials"], strict=True), 1)
    ]
    end = {"path": "w.bin", "upload_id": begun["upload_id"], "parts": told[::-1]}
    server.call("POST", f"{artifacts}/complete/0/r/artifacts/folder", end)
    assert server.call("GET", f"{run}/artifact?path=folder/w.bin") == b"".join(parts)
    assert arriving(bucket) == before

    lost = server.call("POST", f"{artifacts}/create/0/r/artifacts/folder", {"path": "x.bin", "num_parts": 1})
    for numbers, status in ([1], 404), ([2], 400):
        parts_told = [{"part_number": number, "etag": "x", "url": ""} for number in numbers]
        body = {"path": "x.bin", "upload_id": lost["upload_id"], "parts": parts_told}
        with pytest.raises(Refused) as refused:
            server.call("POST", f"{artifacts}/complete/0/r/artifacts/folder", body)
        assert refused.value.status == status


def test_sdk_and_runner_put_large_files(server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    ws = Workspace("subscription", "group", "by-sdk")
    (tmp_path / "large.bin").write_bytes(LARGE)
    run = Experiment(ws, "e").start_logging(snapshot_directory=None)
    before = puts_at(server)
    run.upload_file("large.bin", "large.bin")
    data = LARGE[:3_000_001]
    sending.send_in_parts(ws.client, io.BytesIO(data), len(data), digest_of(data), part_size=1_000_000)
    assert puts_at(server) == before
    run.complete()
    run.download_file("large.bin", "back.bin")
    assert (tmp_path / "back.bin").read_bytes() == LARGE

    submit = Submitter(server, server.workspace("by-runner"))
    script = "import os; open('outputs/large.bin', 'wb').write(os.urandom(1 << 20) * 65)"
    submitted = submit(script)
    assert submitted.wait()["state"] == "Completed"
    assert puts_at(server) == before
    found = server.call("GET", f"{submit.workspace}/runs/{submitted.run_id}/artifacts")
    (large,) = [each for each in found if each["path"].endswith("large.bin")]
    data = server.call("GET", f"{submit.workspace}/runs/{submitted.run_id}/artifact?path=outputs/large.bin")
    assert hashlib.sha256(data).hexdigest() == large["digest"]
