"""Live logs: files are followed while they grow, and sent to the server by offset."""

from __future__ import annotations

import os
import threading
import zlib
from pathlib import Path
from typing import Callable, Iterator

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import AuthenticationException, Conflict, Forbidden, InvalidInput, TerrazulError, Unavailable
from terrazul.core.paths import check_relative_path
from terrazul.node.connection import Backoff, Connection, understand
from terrazul.wire.artifact import LogFile

_CHUNK = 1 << 22
_PAUSE = 0.05
_ROUNDS_BETWEEN_LISTINGS = 10
_CONFLICT_LIMIT = 3
_PASSING = (Unavailable, AuthenticationException, Forbidden)
"""What may be over at the next attempt; that a token is revoked for good is for the forwarder to notice."""


@dataclass
class Tail:
    """One followed file: how much of it the server has, and the checksum of that."""

    name: str
    file: Path
    offset: int = 0
    checksum: int = 0
    synchronised: bool = True
    """False while it is not known how much the server has."""
    conflicts: int = 0
    given_up: bool = False


class LogStream:
    """Follows files in a thread of its own until it is told to finish.

    ``resuming`` is for one who goes on in place of a killed runner: each file begins where the server's copy ends.
    """

    def __init__(
        self, connection: Connection, log_route: str, warn: Callable[[str], None], *, resuming: bool = False
    ) -> None:
        self._connection = connection
        self._route = log_route
        self._warn = warn
        self._resuming = resuming
        self._rounds = 0
        self._tails: dict[str, Tail] = {}
        self._folders: list[tuple[str, Path]] = []
        self._lock = threading.Lock()
        self._finishing = threading.Event()
        self._finished = threading.Event()
        self._abandoned = threading.Event()

    def start(self) -> None:
        """Begin to send."""
        threading.Thread(target=self._follow, name="logs", daemon=True).start()

    def watch(self, name: str, file: Path) -> None:
        """Follow a file, which may come later, under a name."""
        with self._lock:
            self._tails.setdefault(name, Tail(name, file, synchronised=not self._resuming))

    def watch_folder(self, name: str, folder: Path) -> None:
        """Follow every regular file under a folder, also those that come later."""
        with self._lock:
            self._folders.append((name, folder))

    def rewritten(self) -> list[Tail]:
        """The files of watched folders that were not only appended to; they are not followed any further.

        To be asked when nobody writes to them any more.
        """
        with self._lock:
            watched = [tail for tail in self._tails.values() if self._is_in_folder(tail)]
            changed = [tail for tail in watched if _checksum(tail.file, tail.offset) != tail.checksum]
            for tail in changed:
                tail.given_up = True
        return changed

    def close(self, name: str) -> None:
        """Close a log with what the server has of it. Raises what may be over at the next attempt."""
        try:
            self._append(name, 0, b"", close=True)
        except _PASSING:
            raise
        except TerrazulError as refusal:
            self._warn(f"The log {name} could not be closed: {refusal.message}")

    def finish(self) -> bool:
        """Send what is left, close every log and wait for it; false if the stream was abandoned."""
        self._finishing.set()
        self._finished.wait()
        return not self._abandoned.is_set()

    def abandon(self) -> None:
        """Send nothing more."""
        self._abandoned.set()
        self._finishing.set()
        self._connection.interrupt()

    def _is_in_folder(self, tail: Tail) -> bool:
        return any(tail.name.startswith(name + "/") for name, _ in self._folders)

    def _follow(self) -> None:
        backoff = Backoff()
        try:
            while not self._abandoned.is_set():
                try:
                    if self._advance():
                        break
                    backoff.reset()
                except _PASSING:
                    self._abandoned.wait(backoff.next_pause())
        finally:
            self._connection.close()
            self._finished.set()

    def _advance(self) -> bool:
        """Send what there is, or wait a moment for more; true when all is sent and closed."""
        last_round = self._finishing.is_set()
        if last_round or self._rounds % _ROUNDS_BETWEEN_LISTINGS == 0:
            self._list_folders()
        self._rounds += 1
        if self._send_round():
            return False
        if last_round:
            self._close_all()
            return True
        self._finishing.wait(_PAUSE)
        return False

    def _send_round(self) -> bool:
        """One piece of each file; true if there was any."""
        with self._lock:
            tails = [tail for tail in self._tails.values() if not tail.given_up]
        results = [self._send(tail) for tail in tails]
        return any(results)

    def _send(self, tail: Tail) -> bool:
        try:
            if not tail.synchronised:
                self._synchronise(tail)
            return self._send_piece(tail)
        except _PASSING:
            raise
        except Conflict as conflict:
            tail.conflicts += 1
            tail.synchronised = False
            self._give_up(tail, conflict, when=tail.conflicts > _CONFLICT_LIMIT)
            return True
        except TerrazulError as refusal:
            self._give_up(tail, refusal)
            return False

    def _send_piece(self, tail: Tail) -> bool:
        data = _read(tail.file, tail.offset)
        if not data:
            return False
        size = self._append(tail.name, tail.offset, data)
        with self._lock:
            accepted = data[: max(0, size - tail.offset)]
            tail.checksum = zlib.crc32(accepted, tail.checksum)
            tail.offset = size
        return True

    def _close_all(self) -> None:
        for tail in list(self._tails.values()):
            if tail.offset or tail.file.exists():
                self.close(tail.name)

    def _synchronise(self, tail: Tail) -> None:
        """Learn how much of a log the server has."""
        if tail.file.exists():
            tail.offset = self._append(tail.name, 0, b"")
            tail.synchronised = True

    def _give_up(self, tail: Tail, refusal: TerrazulError, *, when: bool = True) -> None:
        if when:
            tail.given_up = True
            self._warn(f"The server does not take the log {tail.name}: {refusal.message}")

    def _append(self, name: str, offset: int, data: bytes, *, close: bool = False) -> int:
        query = {"path": name, "offset": str(offset), **({"close": "true"} if close else {})}
        return understand(LogFile, self._connection.call("POST", self._route, query, data)).size

    def _list_folders(self) -> None:
        with self._lock:
            folders = list(self._folders)
        for name, folder in folders:
            for relative, file in regular_files(folder):
                full = f"{name}/{relative}"
                if full not in self._tails and _is_valid(full):
                    self.watch(full, file)


def regular_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every regular file under a folder with its relative name; symbolic links are not followed."""
    for parent, _folders, names in os.walk(folder):
        for name in sorted(names):
            file = Path(parent, name)
            if not file.is_symlink() and os.path.isfile(file):  # noqa: PTH113  # Path's raises where a folder is closed to us
                yield file.relative_to(folder).as_posix(), file


def _is_valid(name: str) -> bool:
    try:
        check_relative_path(name)
    except InvalidInput:
        return False
    return True


def _read(file: Path, offset: int) -> bytes:
    try:
        with file.open("rb", buffering=0) as stream:
            stream.seek(offset)
            return stream.read(_CHUNK) or b""
    except OSError:
        return b""


def _checksum(file: Path, size: int) -> int | None:
    """The CRC-32 of the first bytes of a file; ``None`` when it has fewer."""
    checksum, position = 0, 0
    while position < size:
        data = _read(file, position)[: size - position]
        if not data:
            return None
        checksum = zlib.crc32(data, checksum)
        position += len(data)
    return checksum
