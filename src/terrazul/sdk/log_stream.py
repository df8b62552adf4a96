"""Following a run: its logs to the screen as they grow, until it ends."""

from __future__ import annotations

import codecs
import sys
from dataclasses import field
from typing import Dict, List, Optional

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import NotFound
from terrazul.sdk.client import Client, Query, Request
from terrazul.sdk.console import say
from terrazul.sdk.interrupt import Interrupts
from terrazul.wire.artifact import LogFile
from terrazul.wire.run import Run

FOLDER = "azureml-logs/"
DRIVER_LOG = FOLDER + "70_driver_log.txt"
_DRIVER_LOGS = FOLDER + "70_driver_log"
"""How the logs of a script's processes begin; several of them are numbered by rank, and followed as they come."""
FOLLOWING_PATIENCE_SECONDS = 600.0
"""How long the server may be away while a run is followed; the run itself goes on without it."""

_SHORT_WAIT_SECONDS = 0.5
_LONG_WAIT_SECONDS = 10.0
_STATE_WAIT_SECONDS = 25.0


def wait_for_end(client: Client, run_id: str) -> Run:
    """Wait until a run is over; how it is then."""
    client = client.within(client.prefix, patience=FOLLOWING_PATIENCE_SECONDS)
    run = client.get(Run, f"/runs/{run_id}")
    while not run.state.terminal:
        run = client.get(Run, f"/runs/{run_id}/wait", {"state": run.state.value, "seconds": _STATE_WAIT_SECONDS})
    return run


def show_logs(client: Client, run_id: str) -> Run:
    """Write the logs of a run to standard output while they grow, each under its name; how the run is at its end."""
    stream = _Stream(client.within(client.prefix, patience=FOLLOWING_PATIENCE_SECONDS), run_id)
    with Interrupts() as interrupts:
        while True:
            interrupts.check()
            run = stream.state()
            stream.show_reason(run)
            stream.show_what_is_new()
            if run.state.terminal:
                stream.finish()
                return run
            stream.wait(run)


@dataclass
class _Log:
    path: str
    offset: int = 0
    open: bool = True
    decoder: codecs.IncrementalDecoder = field(default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"))


class _Stream:
    def __init__(self, client: Client, run_id: str) -> None:
        self._client = client
        self._path = f"/runs/{run_id}"
        self._logs: Dict[str, _Log] = {}
        self._shown: Optional[str] = None
        self._reason = ""

    def state(self) -> Run:
        return self._client.get(Run, self._path)

    def show_reason(self, run: Run) -> None:
        """Say why the run waits, once, where a quota holds it back."""
        if run.queue_reason and not self._reason:
            say(f"The run waits. {run.queue_reason}")
        self._reason = run.queue_reason

    def show_what_is_new(self) -> None:
        """Write what the logs hold beyond what was written, in the order of their names.

        The logs of the preparation go on to tell of it while the script runs; by then they are not shown any more.
        """
        for known in sorted(self._client.get(List[LogFile], f"{self._path}/logs"), key=lambda each: each.path):
            if not known.path.startswith(FOLDER) or (self._driver() and known.path < _DRIVER_LOGS):
                continue
            log = self._logs.setdefault(known.path, _Log(known.path))
            while log.offset < known.size:
                self._show_part(log, 0)
            log.open = known.open

    def wait(self, run: Run) -> None:
        """Wait for more of the log that grows, else for the next log, else for the run's next state."""
        driver = self._driver()
        if driver is not None and not driver.open:
            self._client.get(Run, f"{self._path}/wait", {"state": run.state.value, "seconds": _SHORT_WAIT_SECONDS})
        elif driver is not None:
            self._show_part(driver, _LONG_WAIT_SECONDS if driver.path == DRIVER_LOG else _SHORT_WAIT_SECONDS)
        else:
            self._read(_Log(DRIVER_LOG), _SHORT_WAIT_SECONDS)

    def _driver(self) -> Optional[_Log]:
        """The log of the script, of several processes that of the first one; one of them is waited for at a time."""
        logs = [self._logs[path] for path in sorted(self._logs) if path.startswith(_DRIVER_LOGS)]
        return next((log for log in logs if log.open), logs[0] if logs else None)

    def finish(self) -> None:
        """Write what came while the run ended, and the end of a broken character."""
        self.show_what_is_new()
        for log in self._logs.values():
            self._write(log, log.decoder.decode(b"", final=True))

    def _show_part(self, log: _Log, wait: float) -> None:
        data = self._read(log, wait)
        log.offset += len(data)
        self._write(log, log.decoder.decode(data))

    def _read(self, log: _Log, wait: float) -> bytes:
        query: Query = {"path": log.path, "offset": log.offset, "wait": wait}
        try:
            return self._client.send(Request("GET", f"{self._path}/log", query))
        except NotFound:  # the run is over and never had this log
            return b""

    def _write(self, log: _Log, text: str) -> None:
        if not text:
            return
        if self._shown != log.path:
            title = f"Streaming {log.path}"
            say(f"\n{title}\n{'=' * len(title)}\n")
            self._shown = log.path
        sys.stdout.write(text)
        sys.stdout.flush()
