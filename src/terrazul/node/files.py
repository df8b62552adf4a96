"""Files by content: fetched, checked against their digests, and laid out under a folder."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import BinaryIO, Iterable, Iterator, Sequence, cast

from terrazul.core.errors import SnapshotException, TerrazulError, Unavailable
from terrazul.core.paths import check_relative_path
from terrazul.node.connection import Connection, persist
from terrazul.node.stop import Stop
from terrazul.wire import codec, pack
from terrazul.wire.snapshot import Digests, SnapshotFile

_FETCH_LIMIT = 1 << 27
_FETCH_COUNT = 2000
_EXECUTABLE = 0o100
_BREAK_OFFS = 5
"""How often one content may break off half-way before it is taken to be damaged where it is kept."""


def lay_out(files: Sequence[SnapshotFile], connection: Connection, workspace: str, root: Path, stop: Stop) -> None:
    """Lay out files under a root; ``workspace`` is where the routes of their workspace begin.

    Waits for a server that is away. Raises ``SnapshotException`` for files that cannot be laid out safely, or the
    error of the server, or ``Stopped``.
    """
    try:
        _fetch_all(connection, f"{workspace}/contents/fetch", _Places(root, files), stop)
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as problem:
        raise SnapshotException(f"There is a path that is a file and a folder: {problem.filename}.") from None


def _fetch_all(connection: Connection, route: str, places: _Places, stop: Stop) -> None:
    while wanted := places.wanted():
        persist(lambda: _fetch(connection, route, places, stop), stop)
        if places.wanted() == wanted:
            raise SnapshotException(
                f"The server does not have the content {wanted[0]} that is to be laid out.",
                target=wanted[0],
                hint="Submit it again: what is missing is then sent.",
            )


class _Places:
    """Where contents belong; nothing is written but below the root, and never through a link."""

    def __init__(self, root: Path, files: Iterable[SnapshotFile]) -> None:
        self._root = root
        self._waiting: dict[str, list[SnapshotFile]] = {}
        self._failures: dict[str, int] = {}
        paths: set[str] = set()
        for file in files:
            _check(file, paths)
            paths.add(file.path)
            self._waiting.setdefault(file.digest, []).append(file)
        for folder in sorted({path.rpartition("/")[0] for path in paths}):
            (root / folder).mkdir(parents=True, exist_ok=True)

    def wanted(self) -> list[str]:
        """Contents that have not come yet, of a bounded size and number, so that no request lasts for ever."""
        if self._failures:
            return list(self._waiting)[:1]
        chosen: list[str] = []
        size = 0
        for digest, files in self._waiting.items():
            if chosen and (size + files[0].size > _FETCH_LIMIT or len(chosen) >= _FETCH_COUNT):
                break
            chosen.append(digest)
            size += files[0].size
        return chosen

    def waits_for(self, digest: str) -> bool:
        """Whether a content has not come yet."""
        return digest in self._waiting

    def fill(self, digest: str, chunks: Iterable[bytes]) -> None:
        """Write one content to all its places."""
        files = self._waiting.get(digest)
        if not files:
            raise TerrazulError(f"The server sent the content {digest}, which nobody asked for.", target=digest)
        first = self._root / files[0].path
        computed = hashlib.sha256()
        with open(_create(first, files[0].mode), "wb") as stream:
            for chunk in chunks:
                computed.update(chunk)
                stream.write(chunk)
        if computed.hexdigest() != digest:
            self.suspect(digest, _BREAK_OFFS)
            raise Unavailable(f"The content {digest} arrived damaged.")
        for file in files[1:]:
            with first.open("rb") as source, open(_create(self._root / file.path, file.mode), "wb") as stream:
                shutil.copyfileobj(source, stream)
        del self._waiting[digest]

    def suspect(self, digest: str, weight: int = 1) -> None:
        """Note that a content, or the first of several, did not come whole; from now on each is asked for by itself.

        Raises ``SnapshotException`` where that is no chance any more.
        """
        self._failures[digest] = self._failures.get(digest, 0) + weight
        if self._failures[digest] > _BREAK_OFFS:
            path = self._waiting[digest][0].path
            raise SnapshotException(
                f"The file {path!r} is not what it was when it was recorded: its bytes have changed or are gone.",
                target=path,
                hint="The copy that the server keeps of it is damaged; send the file again under another name.",
            )


def _check(file: SnapshotFile, taken: set[str]) -> None:
    try:
        check_relative_path(file.path)
    except TerrazulError as problem:
        raise SnapshotException(f"The file is refused: {problem.message}", target=file.path[:120]) from None
    if file.path in taken:
        raise SnapshotException(f"The files name the path {file.path!r} twice.", target=file.path)


def _create(path: Path, mode: int) -> int:
    permissions = 0o755 if mode & _EXECUTABLE else 0o644
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, permissions)


def _fetch(connection: Connection, route: str, places: _Places, stop: Stop) -> None:
    wanted = places.wanted()
    with connection.stream("POST", route, body=codec.encode(Digests(wanted))) as response:
        items = pack.read(cast("BinaryIO", response))
        try:
            for item in items:
                header = cast("pack.Header", item)
                places.fill(header.digest, _content(items, header.size, stop))
        except (EOFError, Unavailable):
            if rest := [digest for digest in wanted if places.waits_for(digest)]:
                places.suspect(rest[0])
            raise Unavailable("The contents broke off.") from None


def _content(items: Iterator[object], size: int, stop: Stop) -> Iterator[bytes]:
    while size:
        stop.check()
        chunk = cast("bytes", next(items))
        size -= len(chunk)
        yield chunk
