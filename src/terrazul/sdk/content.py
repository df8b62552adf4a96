"""Contents of files: hashed, and sent where the server lacks them; fetched, and checked against their digest."""

from __future__ import annotations

import hashlib
import http.client
import os
import stat
from contextlib import contextmanager
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Set

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import InvalidInput, TerrazulError, Unavailable
from terrazul.sdk.client import Client, Request
from terrazul.sdk.console import Progress
from terrazul.wire import pack
from terrazul.wire.artifact import DIRECT_HEADER
from terrazul.wire.snapshot import ContentParts, Digests, PartAddresses, PartSize, PartSizes

if TYPE_CHECKING:
    from terrazul.data.connection import Connections, Reply

_CHUNK = 1 << 20
_LARGE = 8 << 20
_DIRECT = 64 << 20
"""From this size on it is worth asking whether the server's storage takes the bytes from here."""
_IN_PARTS = 256 << 20
"""From this size on, what a cut connection or a killed process has sent already is worth keeping."""
_PART = 16 << 20
_ADDRESSED_AT_ONCE = 64
"""The addresses of parts are good for some minutes only."""
_MOST_PARTS = 8000
"""A file that would have more has larger ones."""
_CHUNK_OF_FILES_BYTES = 32 << 20
_CHUNK_OF_FILES_COUNT = 2000
_THREADS = 3
"""One sends while the others read and hash."""
_OK = 200
_TRIES = 3
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
"""Not blocking, so that a pipe that took the place of a file cannot hold us up."""


class SourceFile(NamedTuple):
    """A file of the disk, as it was looked at."""

    path: str
    """Relative to the root, ``/`` between its parts."""
    location: str
    size: int
    mtime_ns: int
    inode: int
    mode: int


class HashedFile(NamedTuple):
    """A file and the digest of its bytes."""

    file: SourceFile
    digest: str
    data: Optional[bytes] = None
    """The bytes, where they are few enough to be kept until the server has said whether it lacks them."""
    problem: str = ""


@dataclass
class SentFiles:
    """What became of files that were to be sent, by path."""

    digests: Dict[str, str] = field(default_factory=dict)
    files: Dict[str, SourceFile] = field(default_factory=dict)
    """Each file as it was when its bytes were read."""
    problems: Dict[str, str] = field(default_factory=dict)
    size: int = 0

    def add(self, part: SentFiles) -> None:
        """Take in what became of other files."""
        self.digests.update(part.digests)
        self.files.update(part.files)
        self.problems.update(part.problems)
        self.size += part.size

    def note(self, hashed: HashedFile) -> None:
        """The server has, or is about to get, this file as it was read."""
        self.digests[hashed.file.path] = hashed.digest
        self.files[hashed.file.path] = hashed.file

    def drop(self, hashed: HashedFile, problem: str) -> None:
        """The file that was noted could not be sent after all."""
        self.problems[hashed.file.path] = problem
        self.digests.pop(hashed.file.path, None)
        self.files.pop(hashed.file.path, None)


def send_files(
    client: Client,
    files: Sequence[SourceFile],
    known: Optional[Dict[str, str]] = None,
    tell: Optional[Callable[[int], None]] = None,
) -> SentFiles:
    """Make sure that the server has the contents of files: hash, ask, and send what it lacks, all at the same time.

    ``known`` holds digests that need no hashing, by path. A file that cannot be read, or does not keep still, is told
    of in the result and holds up nothing. ``tell`` is told how many more bytes are through, in the place of the person
    at the screen. Raises what ``Client`` raises.
    """
    sent = SentFiles()
    progress = Progress("Sending", sum(file.size for file in files))
    for part in _in_threads(partial(_send_chunk, client, known or {}), list(_chunks(files))):
        sent.add(part)
        (tell or progress.add)(part.size)
    progress.close()
    return sent


def send_bytes(client: Client, data: bytes) -> str:
    """Make sure that the server has these bytes; their digest."""
    digest = hashlib.sha256(data).hexdigest()
    client.send(Request("PUT", f"/contents/{digest}", body=data, content_type="application/octet-stream"))
    return digest


def send_stream(client: Client, stream: BinaryIO, size: int, digest: str) -> None:
    """Send one content from a stream that can be read again."""
    if size >= _DIRECT and _put(client, {digest: size}, lambda _: _chunks_at(stream, 0, size)):
        client.post(Digests, "/contents/join", ContentParts(digest, [digest]))
        return
    stream.seek(0)
    request = Request("PUT", f"/contents/{digest}", body=stream, length=size, content_type="application/octet-stream")
    client.send(request)


def send_in_parts(client: Client, stream: BinaryIO, size: int, digest: str, part_size: int = _PART) -> None:
    """Send one content in parts, each once: what the server has of an earlier attempt is not sent again.

    Raises ``InvalidInput`` where the bytes are not those of the digest.
    """
    part_size = max(part_size, -(-size // _MOST_PARTS))
    starts = range(0, size, part_size)
    parts = [hashlib.sha256(_part_at(stream, start, part_size)).hexdigest() for start in starts]
    missing = set(client.post(Digests, "/contents/missing", Digests(parts)).digests)
    lacking = {part: start for start, part in zip(starts, parts) if part in missing}
    for group in _groups(list(lacking), _ADDRESSED_AT_ONCE):
        sizes = {part: min(part_size, size - lacking[part]) for part in group}
        put = _put(client, sizes, lambda part: _chunks_at(stream, lacking[part], part_size))
        for part in group:
            if part not in put:
                data = _part_at(stream, lacking[part], part_size)
                client.send(Request("PUT", f"/contents/{part}", body=data, content_type="application/octet-stream"))
    client.post(Digests, "/contents/join", ContentParts(digest, parts))


def _put(client: Client, sizes: Dict[str, int], read: Callable[[str], Iterator[bytes]]) -> Set[str]:
    """Put contents into the server's storage by ourselves, where it takes them; returns those that are there then."""
    asked = PartSizes([PartSize(digest, size) for digest, size in sizes.items()])
    addresses = client.post(PartAddresses, "/contents/addresses", asked).parts
    if not addresses:
        return set()
    from terrazul.data.putting import put_all  # noqa: PLC0415  # not for who has no such server

    return put_all(addresses, sizes, read)


def _groups(digests: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for first in range(0, len(digests), size):
        yield digests[first : first + size]


def _chunks_at(stream: BinaryIO, start: int, size: int) -> Iterator[bytes]:
    """The bytes from a place on, in chunks; fewer at the end."""
    for place in range(start, start + size, _CHUNK):
        data = _part_at(stream, place, min(_CHUNK, start + size - place))
        if data:
            yield data


def _part_at(stream: BinaryIO, start: int, size: int) -> bytes:
    """The bytes from a place on; fewer at the end."""
    stream.seek(start)
    found = bytearray()
    while len(found) < size:
        data = stream.read(size - len(found))
        if not data:
            break
        found += data
    return bytes(found)


def fetch_file(client: Client, request: Request, target: Path, digest: str, size: int) -> None:
    """Write an answer to a file, whole or not at all. Without a digest (a log that still grows) all bytes are taken.

    Raises ``Unavailable`` where the bytes are not those of the digest.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{hashlib.sha256(target.name.encode()).hexdigest()[:16]}.{os.getpid()}.part")
    try:
        _fetch(client, request, partial, digest, size)
        partial.replace(target)
    finally:
        if partial.exists():
            partial.unlink()


def _fetch(client: Client, request: Request, partial: Path, digest: str, size: int) -> None:
    found = hashlib.sha256()
    progress = Progress("Fetching", size)
    with _arriving(client, request, is_direct=bool(digest)) as chunks, partial.open("wb") as file:
        for chunk in chunks:
            found.update(chunk)
            file.write(chunk)
            progress.add(len(chunk))
    progress.close()
    if digest and found.hexdigest() != digest:
        message = f"What arrived for '{request.query.get('path', request.path)}' is not what was stored."
        raise Unavailable(message, hint="Try again; if it stays, the stored bytes are damaged: see `terrazul doctor`.")


@contextmanager
def _arriving(client: Client, request: Request, *, is_direct: bool) -> Iterator[Iterator[bytes]]:
    """The bytes of an answer, or those to which the server leads; from the server where these cannot be had."""
    asked = {DIRECT_HEADER: "yes"} if is_direct else {}
    with client.open(request._replace(headers={**request.headers, **asked})) as answer:
        address = answer.header("Location")
        if not address:
            yield answer.chunks()
            return
    from terrazul.data.connection import Connections  # noqa: PLC0415  # not for who has no such server

    connections = Connections()
    try:
        reply = _asked(connections, address)
        if reply is not None:
            yield _whole(reply)
            return
    finally:
        connections.close()
    with client.open(request) as answer:
        yield answer.chunks()


def _asked(connections: Connections, address: str) -> Optional[Reply]:
    """What the storage answers; None where this machine does not reach it, or it refuses."""
    try:
        reply = connections.ask("GET", address, {"Accept-Encoding": "identity"})
    except (OSError, http.client.HTTPException):
        return None
    return reply if reply.status == _OK else None


def _whole(reply: Reply) -> Iterator[bytes]:
    try:
        yield from reply.chunks()
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable("The answer of the server's storage broke off.", hint="Try again.") from error


def source_file(path: str, location: str) -> SourceFile:
    """A file of the disk that is to be sent under a path. Raises ``InvalidInput`` for what is not a file."""
    try:
        status = Path(location).stat()
    except OSError as error:
        message = f"The file '{location}' cannot be read: {error.strerror}."
        raise InvalidInput(message, target=location) from error
    if not stat.S_ISREG(status.st_mode):
        message = f"'{location}' is not a file."
        raise InvalidInput(message, target=location, hint="Folders are sent with upload_folder.")
    return SourceFile(path, location, status.st_size, status.st_mtime_ns, status.st_ino, 0o644)


def _in_threads(
    send: Callable[[List[SourceFile]], SentFiles], chunks: Sequence[List[SourceFile]]
) -> Iterator[SentFiles]:
    if len(chunks) <= 1:
        yield from map(send, chunks)
        return
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  # not for one file: a script must start fast

    with ThreadPoolExecutor(_THREADS) as pool:
        yield from pool.map(send, chunks)


def _chunks(files: Sequence[SourceFile]) -> Iterator[List[SourceFile]]:
    chunk: List[SourceFile] = []
    size = 0
    for file in files:
        if chunk and (len(chunk) >= _CHUNK_OF_FILES_COUNT or size + file.size > _CHUNK_OF_FILES_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(file)
        size += file.size
    if chunk:
        yield chunk


def _hash_all(files: List[SourceFile], known: Dict[str, str]) -> List[HashedFile]:
    return [HashedFile(file, known[file.path]) if file.path in known else _hash(file) for file in files]


def _hash(file: SourceFile) -> HashedFile:
    """Read and hash a file as one moment shows it."""
    try:
        for _ in range(_TRIES):
            hashed = _hash_once(file)
            if hashed is not None:
                return hashed
    except OSError as error:
        return HashedFile(file, "", problem=f"cannot be read ({error.strerror})")
    return HashedFile(file, "", problem="changes while it is read")


def _hash_once(file: SourceFile) -> Optional[HashedFile]:
    with _opened(file.location) as stream:
        before = os.fstat(stream.fileno())
        if not stat.S_ISREG(before.st_mode):
            return HashedFile(file, "", problem="is no file any more")
        found = hashlib.sha256()
        data = _read_through(stream, found, keep=before.st_size <= _LARGE)
        after = os.fstat(stream.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return None
    seen = file._replace(size=after.st_size, mtime_ns=after.st_mtime_ns, inode=after.st_ino)
    return HashedFile(seen, found.hexdigest(), data)


def _read_through(stream: BinaryIO, digest: hashlib._Hash, *, keep: bool) -> Optional[bytes]:
    if keep:
        data = stream.read()
        digest.update(data)
        return data
    for chunk in iter(lambda: stream.read(_CHUNK), b""):
        digest.update(chunk)
    return None


@contextmanager
def _opened(location: str) -> Iterator[BinaryIO]:
    with open(os.open(location, _OPEN_FLAGS), "rb", buffering=0) as stream:  # noqa: PTH123  # a descriptor, not a path
        yield stream


def _send_chunk(client: Client, known: Dict[str, str], chunk: List[SourceFile]) -> SentFiles:
    sent = SentFiles(size=sum(file.size for file in chunk))
    by_digest = {}
    for hashed in _hash_all(chunk, known):
        if hashed.problem:
            sent.problems[hashed.file.path] = hashed.problem
        else:
            by_digest[hashed.digest] = hashed
            sent.note(hashed)
    if by_digest:
        missing = client.post(Digests, "/contents/missing", Digests(sorted(by_digest))).digests
        _send_missing(client, [by_digest[digest] for digest in missing], sent)
    return sent


def _send_missing(client: Client, missing: List[HashedFile], sent: SentFiles) -> None:
    small: List[HashedFile] = []
    for hashed in missing:
        if hashed.file.size > _LARGE:
            _send_large(client, hashed, sent)
        elif hashed.data is not None:
            small.append(hashed)
        else:
            small.extend(_read_again(hashed, sent))
    if small:
        packed = b"".join(
            part
            for each in small
            for part in (pack.encode_header(each.digest, len(each.data or b"")), each.data or b"")
        )
        client.send(Request("POST", "/contents", body=packed, content_type="application/octet-stream"))


def _read_again(hashed: HashedFile, sent: SentFiles) -> List[HashedFile]:
    """A file whose digest was known but whose bytes are needed; it may have changed since the digest was noted."""
    again = _hash(hashed.file)
    if again.problem or again.data is None:
        sent.drop(hashed, again.problem or "changes while it is read")
        return []
    sent.note(again)
    return [again]


def _send_large(client: Client, hashed: HashedFile, sent: SentFiles) -> None:
    try:
        with _opened(hashed.file.location) as stream:
            if hashed.file.size >= _IN_PARTS:
                send_in_parts(client, stream, hashed.file.size, hashed.digest)
            else:
                send_stream(client, stream, hashed.file.size, hashed.digest)
    except OSError as error:
        sent.drop(hashed, f"cannot be read ({error.strerror})")
    except TerrazulError:
        if _hash(hashed.file).digest == hashed.digest:
            raise
        sent.drop(hashed, "changes while it is sent")
