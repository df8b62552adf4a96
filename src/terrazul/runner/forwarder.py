"""The forwarder: takes the journal to the server, entry by entry, in order, exactly once.

Entries are sent again until they are answered; the server's count per writer makes a repeat harmless. While the server
is away it waits, for hours if need be.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Callable

from terrazul.core.errors import AuthenticationException, Forbidden, TerrazulError, Unavailable
from terrazul.node.connection import Backoff, Connection, understand
from terrazul.runner import contents
from terrazul.runner.journal import Entry, EntryKind, Journal
from terrazul.runner.log_stream import LogStream
from terrazul.wire import codec
from terrazul.wire.write import WriteAnswer, WriteBatch

_REJECTIONS_UNTIL_OVER = 4
_IDLE = 5.0
_GLANCE = 0.1


class Forwarder:
    """Sends what the journal holds in a thread of its own, until all of it, the end of the run included, is taken.

    When ``expired`` says so, bytes are left out; what names them is then refused by the server, and told of.
    """

    def __init__(
        self,
        journal: Journal,
        connection: Connection,
        workspace: str,
        logs: LogStream,
        warn: Callable[[str], None],
        expired: Callable[[], bool] = lambda: False,
    ) -> None:
        self._journal = journal
        self._connection = connection
        self._workspace = workspace
        self._logs = logs
        self._warn = warn
        self._expired = expired
        self._rejections = 0
        self._reachable = True
        self._abandoned = threading.Event()
        self._done = threading.Event()

    def start(self) -> None:
        """Begin to send."""
        threading.Thread(target=self._forward_all, name="forwarder", daemon=True).start()

    def wait(self) -> bool:
        """Wait until everything has been taken, the end of the run included; false if forwarding was given up."""
        self._done.wait()
        return self._journal.complete

    def settle(self, seconds: float) -> bool:
        """Wait until the server has what the journal holds now, or is away; false if neither came about in time."""
        position, deadline = self._journal.end, time.monotonic() + seconds
        while self._reachable and time.monotonic() < deadline:
            if self._journal.wait_forwarded(position, _GLANCE):
                return True
        return not self._reachable

    def abandon(self) -> None:
        """Send nothing more: the run is no longer ours."""
        self._abandoned.set()
        self._logs.abandon()
        self._connection.interrupt()

    def _forward_all(self) -> None:
        try:
            while not self._journal.complete and not self._abandoned.is_set():
                entry = self._journal.wait_for_entry(_IDLE)
                if entry is not None and self._persist(entry):
                    self._journal.advance(entry.end)
        finally:
            self._connection.close()
            self._done.set()

    def _persist(self, entry: Entry) -> bool:
        """Send one entry until it is answered; false if that was given up."""
        backoff = Backoff()
        while not self._abandoned.is_set():
            try:
                self._forward(entry)
            except Unavailable:
                self._reachable = False
                self._rejections = 0
            except (AuthenticationException, Forbidden):
                self._count_rejection()
            except TerrazulError as refusal:
                self._warn(f"The server refused what the run recorded: {refusal.message}")
                remains = _without_content(entry)
                if remains == entry:
                    return True
                entry = remains
            else:
                self._reachable = True
                self._rejections = 0
                return True
            self._abandoned.wait(backoff.next_pause())
        return False

    def _count_rejection(self) -> None:
        """A token that is refused again and again has been revoked; once may be a server that is starting."""
        self._rejections += 1
        if self._rejections >= _REJECTIONS_UNTIL_OVER:
            self.abandon()

    def _forward(self, entry: Entry) -> None:
        if entry.kind is EntryKind.CONTENTS:
            self._send_contents(contents.decode(entry.payload))
            return
        if entry.kind is EntryKind.CLOSE:
            self._logs.close(entry.payload.decode())
            return
        if entry.kind is EntryKind.END and not self._logs.finish():
            return
        taken = self._connection.call("POST", f"{self._workspace}/writes", body=entry.payload)
        answer = understand(WriteAnswer, taken)
        for refusal in answer.refusals if answer.applied else []:
            self._warn(f"Not recorded ({refusal.kind}): {refusal.message}")

    def _send_contents(self, listed: list[contents.Content]) -> None:
        try:
            lost = contents.send(self._connection, self._workspace, listed, self._expired)
        except contents.TooLate:
            self._connection.close()
            return
        for content in lost:
            self._warn(f"The file {Path(content.file).name} changed or went before it could be sent.")
        for content in listed:
            if content.spooled:
                Path(content.file).unlink(missing_ok=True)


def _without_content(entry: Entry) -> Entry:
    """What is sent in the place of a refused batch: its number must be taken, or all that follow it are refused."""
    if entry.kind is not EntryKind.WRITE:
        return entry
    batch = codec.decode(WriteBatch, entry.payload)
    return replace(entry, payload=codec.encode(WriteBatch(batch.writer, batch.sequence)))
