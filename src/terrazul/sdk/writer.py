"""The background writer: calls return at once, and a thread sends what they recorded, in order and exactly once."""

from __future__ import annotations

import atexit
import json
import os
import sys
import threading
import time
import weakref
from collections import deque
from typing import BinaryIO, Callable, Deque, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple, Union

from terrazul.core.errors import Conflict, TerrazulError, Unavailable, UserErrorException, from_code
from terrazul.sdk.client import Address, Client, Request
from terrazul.sdk.console import warn
from terrazul.wire.codec import decode, encode
from terrazul.wire.metric import MetricPoint
from terrazul.wire.write import NewArtifact, NewRun, RunChange, StateChange, WriteAnswer

Record = Union[NewRun, RunChange, MetricPoint, NewArtifact, StateChange]

FLUSH_SECONDS = 300
_EXIT_SECONDS = 60.0
_BATCH_BYTES = 1 << 20
_BATCH_RECORDS = 2000
_MEMORY_BYTES = 64 << 20
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0
_SILENCE_SECONDS = 5.0
_KINDS: Dict[type, str] = {
    NewRun: "runs",
    RunChange: "changes",
    MetricPoint: "metrics",
    NewArtifact: "artifacts",
    StateChange: "states",
}


class _Entry(NamedTuple):
    number: int
    kind: str
    run_id: str
    parent_run_id: str
    awaited: bool
    """True where the caller waits for the answer, and gets a refusal as its error."""
    text: str


class Writer:
    """Sends the records of this process to one workspace. Every method may be called from any thread.

    A record is acknowledged when the server has it on disk. What is recorded while the server is away waits in memory,
    then in a temporary file. After a ``fork`` the child is a writer of its own.
    """

    def __init__(self, client: Client, refused: Optional[Callable[[str, str, TerrazulError], None]] = None) -> None:
        """``refused`` is told of records that the server refuses (list, run, error), instead of a warning."""
        self._client = client.within(client.prefix, patience=0)
        self._tell_refusal = refused
        self._begin()
        _writers.add(self)

    def _begin(self) -> None:
        self._process = os.getpid()
        self._id = os.urandom(16).hex()
        self._sequence = 1
        self._changed = threading.Condition()
        self._entries = _Entries()
        self._put = 0
        self._acknowledged = 0
        self._refused: Dict[int, TerrazulError] = {}
        self._thread: Optional[threading.Thread] = None
        self._sending = threading.Lock()

    def put(self, record: Record, *, awaited: bool = False) -> int:
        """Take a record, to be sent soon; its number. Never raises for reasons of the network."""
        if self._process != os.getpid():
            self._begin()
        text = encode(record).decode("ascii")
        parent_run_id = getattr(record, "parent_run_id", None) or ""
        with self._changed:
            self._put += 1
            entry = _Entry(self._put, _KINDS[type(record)], record.run_id, parent_run_id, awaited, text)
            self._entries.put(entry)
            self._changed.notify_all()
        self._ensure_thread()
        return entry.number

    def write(self, record: Record, timeout_seconds: float = FLUSH_SECONDS) -> None:
        """Take a record and wait until it is acknowledged.

        Raises what the server refuses it for, or ``Unavailable`` when the time is over.
        """
        self.settle([self.put(record, awaited=True)], timeout_seconds)

    def settle(self, numbers: Sequence[int], timeout_seconds: float = FLUSH_SECONDS) -> None:
        """Wait until these awaited records are acknowledged. Raises as ``write``, for the first that is refused."""
        self.flush(timeout_seconds)
        errors = [self._refused.pop(number) for number in numbers if number in self._refused]
        if errors:
            raise errors[0]

    def flush(self, timeout_seconds: float = FLUSH_SECONDS) -> None:
        """Wait until everything recorded so far is acknowledged. Raises ``Unavailable`` when the time is over."""
        if self._process != os.getpid():
            return
        wanted = self._put
        with self._changed:
            done = self._changed.wait_for(lambda: self._acknowledged >= wanted, timeout_seconds)
        if not done:
            message = f"{wanted - self._acknowledged} records have not reached the Terrazul server yet."
            raise Unavailable(message, hint="They are sent as soon as it answers, while this process lives.")

    @property
    def waiting(self) -> int:
        """How many records are not acknowledged yet."""
        return self._put - self._acknowledged if self._process == os.getpid() else 0

    def _ensure_thread(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        thread = threading.Thread(target=self._work, name="terrazul-writer", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is ending, and starts no thread any more
            self._send_now()
            return
        self._thread = thread
        _flush_with_multiprocessing(self)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._entries)
            self._send_next()

    def _send_now(self) -> None:
        while self._entries:
            self._send_next()

    def _send_next(self) -> None:
        with self._sending:
            with self._changed:
                batch = self._entries.next_batch()
            if not batch:
                return
            self._deliver(batch)
            with self._changed:
                self._entries.drop(len(batch))
                self._acknowledged = batch[-1].number
                self._changed.notify_all()

    def _deliver(self, batch: List[_Entry]) -> None:
        """Have a batch applied, by halves where the server refuses it whole."""
        try:
            self._exchange(batch)
        except UserErrorException as error:
            if len(batch) == 1:
                self._refuse(batch[0], error)
                return
            middle = len(batch) // 2
            self._deliver(batch[:middle])
            self._deliver(batch[middle:])
        except TerrazulError as error:
            for entry in batch:
                self._refuse(entry, error)

    def _exchange(self, batch: List[_Entry]) -> None:
        lists: Dict[str, List[_Entry]] = {}
        for entry in batch:
            lists.setdefault(entry.kind, []).append(entry)
        for refusal in self._send(lists).refusals:
            error = from_code(refusal.code)(refusal.message)
            self._refuse(lists[refusal.kind][refusal.index], error)
        self._sequence += 1

    def _send(self, lists: Dict[str, List[_Entry]]) -> WriteAnswer:
        pause = _FIRST_PAUSE_SECONDS
        told = False
        started = time.monotonic()
        while True:
            try:
                request = Request("POST", "/writes", body=self._body(lists), repeatable=True)
                return decode(WriteAnswer, self._client.send(request))
            except Unavailable as error:
                if not told and time.monotonic() - started > _SILENCE_SECONDS:
                    told = True
                    warn(f"{error.message} {self.waiting} records wait here; they are sent when it is back.")
            except Conflict:
                # The server has lost what this writer sent before: it was set back to an older state.
                if self._sequence == 1:
                    raise
                self._id, self._sequence = os.urandom(16).hex(), 1
                continue
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def _body(self, lists: Dict[str, List[_Entry]]) -> bytes:
        parts = [f'"{kind}":[{",".join(entry.text for entry in entries)}]' for kind, entries in lists.items()]
        return f'{{"writer":"{self._id}","sequence":{self._sequence},{",".join(parts)}}}'.encode("ascii")

    def _refuse(self, entry: _Entry, error: TerrazulError) -> None:
        if entry.awaited:
            self._refused[entry.number] = error
        elif self._tell_refusal is not None:
            self._tell_refusal(entry.kind, entry.run_id, error)
        else:
            warn(f"Not recorded for run {entry.run_id}: {error}")


class _Entries:
    """A queue of entries: in memory, and past its bound in a temporary file. The caller holds the lock."""

    def __init__(self) -> None:
        self._memory: Deque[_Entry] = deque()
        self._bytes = 0
        self._file: Optional[BinaryIO] = None
        self._in_file = 0
        self._read_at = 0

    def __bool__(self) -> bool:
        return bool(self._memory)

    def put(self, entry: _Entry) -> None:
        if self._in_file or self._bytes > _MEMORY_BYTES:
            self._spill(entry)
        else:
            self._remember(entry)

    def next_batch(self) -> List[_Entry]:
        """The first entries, as many as one batch may hold; they stay until they are dropped."""
        batch: List[_Entry] = []
        size = 0
        ended: Set[str] = set()
        for entry in self._memory:
            size += len(entry.text)
            # A batch applies states last, so what follows the end of a run belongs into the next one.
            follows_end = bool(ended) and not ended.isdisjoint((entry.run_id, entry.parent_run_id))
            if batch and (size > _BATCH_BYTES or len(batch) >= _BATCH_RECORDS or follows_end):
                break
            batch.append(entry)
            if entry.kind == "states":
                ended.add(entry.run_id)
        return batch

    def drop(self, count: int) -> None:
        for _ in range(count):
            self._bytes -= len(self._memory.popleft().text)
        while self._in_file and self._bytes < _MEMORY_BYTES // 2:
            self._unspill()

    def _remember(self, entry: _Entry) -> None:
        self._memory.append(entry)
        self._bytes += len(entry.text)

    def _spill(self, entry: _Entry) -> None:
        if self._file is None:
            import tempfile  # noqa: PLC0415  # seldom needed, and a script's first line must come soon

            self._file = tempfile.TemporaryFile()  # noqa: SIM115  # it lives as long as the queue
            warn("The Terrazul server takes records too slowly; they go on waiting in a temporary file.")
        self._file.seek(0, os.SEEK_END)
        self._file.write(json.dumps(entry).encode("ascii") + b"\n")
        self._in_file += 1

    def _unspill(self) -> None:
        if self._file is None:
            return
        self._file.seek(self._read_at)
        line = self._file.readline()
        self._read_at += len(line)
        self._in_file -= 1
        self._remember(_Entry(*json.loads(line)))
        if not self._in_file:
            self._file.close()
            self._file, self._read_at = None, 0


_writers: weakref.WeakSet[Writer] = weakref.WeakSet()
_by_workspace: Dict[Tuple[Address, str], Writer] = {}


def writer_of(client: Client) -> Writer:
    """The one writer of this process for a workspace."""
    key = (client.first_address, client.prefix)
    if key not in _by_workspace:
        _by_workspace[key] = Writer(client)
    return _by_workspace[key]


@atexit.register
def _flush_at_exit() -> None:
    for writer in list(_writers):
        _flush_or_tell(writer)


def _flush_or_tell(writer: Writer) -> None:
    try:
        writer.flush(_EXIT_SECONDS)
    except Unavailable:
        warn(f"{writer.waiting} records were lost: the Terrazul server did not answer until the process ended.")


def _flush_with_multiprocessing(writer: Writer) -> None:
    """Processes of ``multiprocessing`` end without ``atexit``; they have a way of their own."""
    module = sys.modules.get("multiprocessing.util")
    if module is not None:
        module.Finalize(writer, _flush_or_tell, args=(writer,), exitpriority=10)
