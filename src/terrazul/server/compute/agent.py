"""What answers on a machine: the server starts ``python -I -m terrazul.server.compute.agent`` there over SSH.

It takes requests as lines of JSON, and ends with the connection; runners go on. While it lives it says in
``server.json`` of the target's folder at which port of loopback our server is reached, and runners look there, as those
on the server's own machine do: with the agent gone they ask nobody, since by then anybody may have that port.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import psutil

from terrazul.core.home import Home
from terrazul.core.version import __version__
from terrazul.server.compute.kind import Placement
from terrazul.server.compute.kinds.local import LocalCompute
from terrazul.server.compute.remote.message import ANSWER, CALL, ERROR, ID
from terrazul.wire import codec
from terrazul.wire.job import Job
from terrazul.wire.server import ServerFile

_FOLDER = "folder"


class Agent:
    """Executes runs in the target's folder; the calls are those of a compute kind, in plain data."""

    def __init__(self, folder: Path) -> None:
        self._home = Home(str(folder))
        self._home.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._home.lock_file.touch(mode=0o600)  # without server.json it tells runners to ask nobody
        self._here = LocalCompute(self._home.runs_folder)
        self._calls: Mapping[str, Callable[..., object]] = {
            "serve": self.serve,
            "last_port": self.last_port,
            "about": self.about,
            "launch": lambda job, placement: self._here.launch(self._job(job), self._placed(placement)),
            "deliver": lambda job, placement: self._here.deliver(self._job(job), self._placed(placement)),
            "status": lambda placement: self._here.status(self._placed(placement)).value,
            "cancel": lambda placement: self._here.cancel(self._placed(placement)),
            "kill": lambda placement: self._here.kill(self._placed(placement)),
            "forget": self._here.forget,
            "clear": self._here.clear,
        }

    def last_port(self) -> int:
        """The port at which our server was reached last; 0 where it never was. Runners go on most quickly at it."""
        try:
            return int(self._port_file.read_text())
        except (OSError, ValueError):
            return 0

    def serve(self, port: int) -> None:
        """Say that our server is reached at this port of loopback from now on."""
        self._port_file.write_text(str(port))
        about = ServerFile(f"http://127.0.0.1:{port}", os.getpid(), __version__)
        fresh = self._home.server_file.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(codec.encode(about))
        fresh.replace(self._home.server_file)

    def about(self) -> dict[str, int]:
        """What the machine has."""
        disk, memory = psutil.disk_usage(str(self._home.path)).total, psutil.virtual_memory().total
        gpus = len(list(Path("/dev").glob("nvidia[0-9]*")))
        return {"cores": os.cpu_count() or 1, "memory_bytes": memory, "disk_bytes": disk, "gpus": gpus}

    def answer(self, line: str) -> dict[str, object]:
        """The answer to a request."""
        asked = json.loads(line)
        number, call = asked.pop(ID), asked.pop(CALL)
        try:
            return {ID: number, ANSWER: self._calls[call](**asked)}
        except Exception as problem:  # noqa: BLE001  # the edge of the process: the server is told, and decides
            return {ID: number, ERROR: f"{type(problem).__name__}: {problem}"}

    def leave(self) -> None:
        """Have runners ask nobody, unless another agent has taken over."""
        try:
            about = codec.decode(ServerFile, self._home.server_file.read_bytes())
        except (OSError, ValueError, KeyError, TypeError):
            return
        if about.pid == os.getpid():
            self._home.server_file.unlink(missing_ok=True)

    @property
    def _port_file(self) -> Path:
        return self._home.path / "port"

    def _job(self, job: Any) -> Job:
        """A job with what is this machine's."""
        given = codec.from_plain(Job, job)
        there = f"http://127.0.0.1:{self.last_port()}"
        return replace(given, server_url=there, environments_folder=str(self._home.environments_folder))

    def _placed(self, placement: Placement) -> Placement:
        return {_FOLDER: str(self._home.runs_folder / placement[_FOLDER])}


def main(folder: str, requests: TextIO, answers: TextIO) -> None:
    """Answer until there are no more requests."""
    agent = Agent(Path(folder).absolute())
    try:
        for line in requests:
            answers.write(json.dumps(agent.answer(line)) + "\n")
            answers.flush()
    except OSError:
        return  # the connection is gone, and nobody reads
    finally:
        agent.leave()


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin, sys.stdout)
