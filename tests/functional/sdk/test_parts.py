"""Large files go in parts: each is sent once, whatever happens between, and the whole is checked."""

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import psutil
import pytest

from terrazul.core.errors import InvalidInput, NotFound
from terrazul.sdk.client import Address, Client
from terrazul.sdk.content import send_in_parts
from terrazul.testing.server import RunningServer
from terrazul.wire.snapshot import ContentParts, Digests

pytestmark = pytest.mark.functional

PART = 1 << 20
DATA = b"".join(hashlib.sha256(str(number).encode()).digest() * (PART // 32) for number in range(6)) + b"the rest"
DIGEST = hashlib.sha256(DATA).hexdigest()
PARTS = [hashlib.sha256(DATA[start : start + PART]).hexdigest() for start in range(0, len(DATA), PART)]


def client_of(server: RunningServer) -> Client:
    return Client(Address(server.url, server.token), prefix=server.workspace())


def missing(server: RunningServer, digests: "list[str]") -> "list[str]":
    found: list[str] = server.call("POST", f"{server.workspace()}/contents/missing", {"digests": digests})["digests"]
    return found


def fetched(server: RunningServer, digest: str) -> bytes:
    whole: bytes = server.call("POST", f"{server.workspace()}/contents/fetch", {"digests": [digest]})
    return whole[40:]


class Cut(io.BytesIO):
    """A file that cannot be read any more once so many bytes were read after it was read through."""

    rest = len(DATA) + 3 * PART

    def read(self, size: "int | None" = -1, /) -> bytes:
        data = super().read(size)
        self.rest -= len(data)
        if self.rest < 0:
            raise OSError("The cable is out.")
        return data


def test_sending_goes_on_where_it_was_broken_off(server: RunningServer):
    with pytest.raises(OSError, match="cable"):
        send_in_parts(client_of(server), Cut(DATA), len(DATA), DIGEST, PART)
    server.kill()
    server.start()
    assert missing(server, [*PARTS, DIGEST]) == [*PARTS[3:], DIGEST]
    only_the_rest = Cut(DATA)
    only_the_rest.rest = len(DATA) + len(DATA) - 3 * PART
    send_in_parts(client_of(server), only_the_rest, len(DATA), DIGEST, PART)
    assert only_the_rest.rest == 0
    assert missing(server, [DIGEST]) == []
    assert fetched(server, DIGEST) == DATA


def test_joining_twice_and_at_once_counts_once(shared_server: RunningServer):
    client = client_of(shared_server)
    send_in_parts(client, io.BytesIO(DATA), len(DATA), DIGEST, PART)
    send_in_parts(client, io.BytesIO(DATA), len(DATA), DIGEST, PART)
    data = DATA[::-1]
    digest = hashlib.sha256(data).hexdigest()
    parts = [data[start : start + PART] for start in range(0, len(data), PART)]
    names = [hashlib.sha256(part).hexdigest() for part in parts]
    for name, part in zip(names, parts, strict=True):
        shared_server.call("PUT", f"{shared_server.workspace()}/contents/{name}", part)
    with ThreadPoolExecutor(8) as pool:
        joined = list(pool.map(lambda _: client.post(Digests, "/contents/join", ContentParts(digest, names)), range(8)))
    assert joined == [Digests([digest])] * 8
    assert fetched(shared_server, digest) == data
    assert client.post(Digests, "/contents/join", ContentParts(digest, ["0" * 64])) == Digests([digest])


def test_other_bytes_and_parts_that_are_not_held_are_refused(shared_server: RunningServer):
    client = client_of(shared_server)
    part = b"a part"
    name = hashlib.sha256(part).hexdigest()
    shared_server.call("PUT", f"{shared_server.workspace()}/contents/{name}", part)
    wrong = hashlib.sha256(b"other bytes").hexdigest()
    with pytest.raises(InvalidInput, match="have the digest"):
        client.post(Digests, "/contents/join", ContentParts(wrong, [name]))
    with pytest.raises(NotFound, match="is not held"):
        client.post(Digests, "/contents/join", ContentParts(wrong, [name, "0" * 64]))
    for parts in ([], [name] * 10_001):
        with pytest.raises(InvalidInput, match="1 to 10000 parts"):
            client.post(Digests, "/contents/join", ContentParts(wrong, parts))
    assert missing(shared_server, [wrong]) == [wrong]


def test_file_that_changes_while_it_is_sent_is_not_taken(shared_server: RunningServer):
    digest = hashlib.sha256(b"what was here before").hexdigest()
    with pytest.raises(InvalidInput, match="have the digest"):
        send_in_parts(client_of(shared_server), io.BytesIO(DATA), len(DATA), digest, PART)


def sparse(path: Path, size: int) -> BinaryIO:
    """A file of zeros, as a stream."""
    with path.open("wb") as file:
        file.truncate(size)
    return path.open("rb", buffering=0)


def test_memory_of_the_server_does_not_grow_with_the_file(shared_server: RunningServer, tmp_path: Path):
    size = 192 << 20
    digest = hashlib.sha256()
    for _ in range(192):
        digest.update(bytes(1 << 20))
    before = psutil.Process(shared_server.pid).memory_info().rss
    with sparse(tmp_path / "large", size) as stream:
        send_in_parts(client_of(shared_server), stream, size, digest.hexdigest(), 32 << 20)
    assert psutil.Process(shared_server.pid).memory_info().rss - before < 100 << 20
    assert missing(shared_server, [digest.hexdigest()]) == []
