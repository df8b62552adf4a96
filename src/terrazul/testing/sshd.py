"""A real sshd for tests, as the current user, with keys of its own."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from terrazul.testing.needs import needs

_START_SECONDS = 30
_LOOK_SECONDS = 0.02
_LOOPBACK = "127.0.0.1"


class RunningSshd:
    """Started with ``start``; the port and the host key are kept over a restart."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        needs(program is not None and shutil.which("ssh-keygen") is not None, "sshd")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._program = str(program)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.user = getpass.getuser()
        with socket.socket() as listener:
            listener.bind((_LOOPBACK, 0))
            self.port = int(listener.getsockname()[1])
        self.new_host_key()
        make_key(folder / "user")
        shutil.copy(folder / "user.pub", folder / "authorized_keys")

    @property
    def is_running(self) -> bool:
        """Whether it was started and not stopped."""
        return self._process is not None

    @property
    def place(self) -> str:
        """What an administrator of a Terrazul server allows."""
        return f"{_LOOPBACK}:{self.port}"

    @property
    def private_key(self) -> str:
        """What lets the user in."""
        return (self._folder / "user").read_text()

    @property
    def private_key_file(self) -> Path:
        """Where that lies."""
        return self._folder / "user"

    @property
    def host_key(self) -> str:
        """The fingerprint of the host key."""
        told = subprocess.run(
            ["ssh-keygen", "-lf", str(self._folder / "host.pub")], check=True, capture_output=True, text=True
        )
        return told.stdout.split()[1]

    @property
    def settings(self) -> dict[str, Any]:
        """Those of a compute target on it; its files lie beside the keys."""
        about = {"address": _LOOPBACK, "port": self.port, "username": self.user}
        return {**about, "folder": str(self.remote_folder)}

    @property
    def remote_folder(self) -> Path:
        """Where the files of targets lie; a name that a shell must not read."""
        return self._folder / """it's $(touch here) "so"; `touch here` & far"""

    def new_host_key(self) -> None:
        """Be another machine, from the next start on."""
        for name in ("host", "host.pub"):
            (self._folder / name).unlink(missing_ok=True)
        make_key(self._folder / "host")

    def start(self, *lines: str) -> None:
        """Start it, with further lines of configuration, and wait until it answers."""
        config = self._folder / "config"
        config.write_text(
            "\n".join(
                [
                    f"Port {self.port}",
                    f"ListenAddress {_LOOPBACK}",
                    f"HostKey {self._folder / 'host'}",
                    f"AuthorizedKeysFile {self._folder / 'authorized_keys'}",
                    "PidFile none",
                    "StrictModes no",
                    "UsePAM no",
                    "PermitRootLogin yes",
                    "MaxStartups 100",
                    *lines,
                ]
            )
            + "\n"
        )
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # where it gives its rights up
        with (self._folder / "log").open("ab") as log:
            command = [self._program, "-D", "-e", "-f", str(config)]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"sshd did not start:\n{(self._folder / 'log').read_text()}")
            time.sleep(_LOOK_SECONDS)

    def cut(self) -> int:
        """Kill the processes that serve connections, as a network that fails would end them; returns how many."""
        assert self._process
        serving = [each for each in psutil.Process(self._process.pid).children(recursive=True) if _is_sshd(each)]
        for process in serving:
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)
        return len(serving)

    def stop(self) -> None:
        """End it with its connections."""
        if self._process is not None:
            self.cut()
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((_LOOPBACK, self.port), timeout=1):
            return True
        return False


@contextlib.contextmanager
def running_sshd(folder: Path) -> Iterator[RunningSshd]:
    """One that answers, until the block ends."""
    sshd = RunningSshd(folder)
    sshd.start()
    try:
        yield sshd
    finally:
        sshd.stop()


def make_key(path: Path, passphrase: str = "") -> None:
    """Make a pair of keys."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def _is_sshd(process: psutil.Process) -> bool:
    try:
        return process.name().startswith("sshd")
    except psutil.Error:
        return False
