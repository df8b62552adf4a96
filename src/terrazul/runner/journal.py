"""The journal: what a run has to tell, in order, on disk before it is acknowledged.

Each entry is its length and CRC-32 (both big-endian, 32 bits), then one byte that names its kind, then its bytes. What
a crash left half-written at the end is cut off when the file is opened. Beside it the cursor file says up to where the
server has everything; losing it costs nothing but sending again, which the server takes as a repeat.
"""

from __future__ import annotations

import enum
import os
import struct
import threading
import zlib
from pathlib import Path
from typing import Iterator

from terrazul.core.dataclass import dataclass
from terrazul.wire import codec
from terrazul.wire.run import RunState
from terrazul.wire.write import WriteBatch

_FRAME = struct.Struct(">II")
_CURSOR = struct.Struct(">QI")
_ENTRY_LIMIT = 1 << 28


class EntryKind(enum.Enum):
    """What an entry asks the forwarder to do."""

    WRITE = b"W"
    """Send this ``WriteBatch``."""
    CONTENTS = b"C"
    """Send the bytes of these files (JSON: a list of ``Content``)."""
    CLOSE = b"L"
    """Close the log of this name as it is."""
    END = b"E"
    """Send this ``WriteBatch``, which ends the run, after all logs have been sent and closed."""


@dataclass(frozen=True)
class Entry:
    """One entry, and where the next begins."""

    kind: EntryKind
    payload: bytes
    end: int


class Journal:
    """An append-only file of entries and a cursor; safe to use from many threads of one process.

    ``end`` is the position behind the last entry, ``forwarded`` the one up to which the server has everything, and
    ``ended`` tells whether the run's last state stands in it.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._cursor_file = os.open(f"{path}.cursor", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._changed = threading.Condition()
        self._closed = False
        self.ended = False
        self.end = 0
        for entry in self.entries():
            self._count(entry.kind, entry.end)
        os.ftruncate(self._file, self.end)
        self._durable = self.end
        self.forwarded = min(self._read_cursor(), self.end)
        threading.Thread(target=self._keep_durable, name="journal", daemon=True).start()

    def append(self, kind: EntryKind, payload: bytes) -> int:
        """Write an entry; returns the position behind it. It survives the death of this process from here on."""
        record = kind.value + payload
        with self._changed:
            frame = _FRAME.pack(len(record), zlib.crc32(record)) + record
            _write_all(self._file, frame, self.end)
            self._count(kind, self.end + len(frame))
            self._changed.notify_all()
            return self.end

    def wait_durable(self, position: int, seconds: float) -> bool:
        """Wait until the disk has everything before the position; false if it takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: self._durable >= position, seconds)

    def wait_forwarded(self, position: int, seconds: float) -> bool:
        """Wait until the server has everything before the position; false if it takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: self.forwarded >= position, seconds)

    @property
    def complete(self) -> bool:
        """True when the run has ended and the server has everything."""
        return self.ended and self.forwarded >= self.end

    def wait_for_entry(self, seconds: float) -> Entry | None:
        """The first entry that the server does not have yet; waits for one to come."""
        with self._changed:
            self._changed.wait_for(lambda: self.end > self.forwarded, seconds)
        return self.read(self.forwarded)

    def advance(self, position: int) -> None:
        """Note that the server has everything before the position."""
        packed = struct.pack(">Q", position)
        os.pwrite(self._cursor_file, _CURSOR.pack(position, zlib.crc32(packed)), 0)
        with self._changed:
            self.forwarded = position
            self._changed.notify_all()

    def read(self, position: int) -> Entry | None:
        """The entry at a position; ``None`` at the end."""
        head = os.pread(self._file, _FRAME.size, position)
        if len(head) < _FRAME.size:
            return None
        length, checksum = _FRAME.unpack(head)
        if not 0 < length <= _ENTRY_LIMIT:
            return None
        record = os.pread(self._file, length, position + _FRAME.size)
        if len(record) < length or zlib.crc32(record) != checksum:
            return None
        return Entry(EntryKind(record[:1]), record[1:], position + _FRAME.size + length)

    def entries(self) -> Iterator[Entry]:
        """All entries from the first."""
        position = 0
        while entry := self.read(position):
            yield entry
            position = entry.end

    def end_states(self) -> list[RunState]:
        """The state that ended the run, if it has ended."""
        batches = [codec.decode(WriteBatch, entry.payload) for entry in self.entries() if entry.kind is EntryKind.END]
        return [change.state for batch in batches for change in batch.states]

    def close(self) -> None:
        """Flush and let go of the files."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
            os.fsync(self._file)
            os.close(self._file)
            os.close(self._cursor_file)

    def _count(self, kind: EntryKind, end: int) -> None:
        self.end = end
        self.ended = self.ended or kind is EntryKind.END

    def _read_cursor(self) -> int:
        data = os.pread(self._cursor_file, _CURSOR.size, 0)
        if len(data) < _CURSOR.size:
            return 0
        position, checksum = _CURSOR.unpack(data)
        return int(position) if zlib.crc32(data[:8]) == checksum else 0

    def _keep_durable(self) -> None:
        """Flush to disk as long as there is something new: one flush serves all who wait."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self.end > self._durable)
                if self._closed:
                    return
                position, file = self.end, os.dup(self._file)
            try:
                os.fsync(file)
            finally:
                os.close(file)
            with self._changed:
                self._durable = position
                self._changed.notify_all()


def _write_all(file: int, data: bytes, position: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, position)
        view, position = view[written:], position + written
