"""Real stores and databases for tests: Azurite, an S3 server, MariaDB, each a process that lives as long as asked."""

from __future__ import annotations

import contextlib
import http.client
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from terrazul.testing.needs import needs, needs_program

AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The key that every Azurite has, as its documentation tells."""
S3_VARIABLES = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "canary-of-storage", "AWS_REGION": "us-east-1"}
"""What lets a client into the S3 server."""
_START_SECONDS = 60


@contextlib.contextmanager
def azurite(folder: Path) -> Iterator[str]:
    """Azure Blob Storage's emulator; the place (``host:port``) at which it answers."""
    program = needs_program("azurite-blob")
    place = free_place()
    command = [program, "--blobPort", place.rpartition(":")[2], "--location", str(folder)]
    with _running([*command, "--silent", "--skipApiVersionCheck", "--disableTelemetry"], place):
        yield place


@contextlib.contextmanager
def s3_server(place: str = "") -> Iterator[str]:
    """A server that speaks S3's protocol; the place at which it answers."""
    place = place or free_place()
    with _running([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", place.rpartition(":")[2]], place):
        yield place


@contextlib.contextmanager
def mariadb(folder: Path, statements: str) -> Iterator[str]:
    """A MariaDB that carried out some statements; the place at which it answers."""
    server, install = needs_program("mariadbd"), shutil.which("mariadb-install-db")
    needs(found=install is not None, what="mariadb-install-db")
    data, place = folder / "data", free_place()
    user = ["--user=root"] if os.getuid() == 0 else []
    made = [str(install), "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", *user]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    first = folder / "first.sql"
    first.write_text("\n".join(line for line in statements.splitlines() if line.strip()))
    command = [
        server,
        "--no-defaults",
        f"--datadir={data}",
        "--bind-address=127.0.0.1",
        "--skip-name-resolve",
        f"--init-file={first}",
        *user,
    ]
    command += [f"--port={place.rpartition(':')[2]}", f"--socket={folder / 's'}", f"--pid-file={folder / 'p'}"]
    with _running(command, place):
        yield place


@contextlib.contextmanager
def _running(command: list[str], place: str) -> Iterator[None]:
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
    try:
        _wait_for(place, process)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for(place: str, process: subprocess.Popen[bytes]) -> None:
    host, _, port = place.rpartition(":")
    deadline = time.monotonic() + _START_SECONDS
    while True:
        with contextlib.suppress(OSError):
            socket.create_connection((host, int(port)), 1).close()
            return
        assert process.poll() is None, f"{process.args!r} ended"
        assert time.monotonic() < deadline, f"{process.args!r} does not answer"
        time.sleep(0.05)


def make_bucket(endpoint: str) -> str:
    """Make a bucket on the S3 server at an address (``http://host:port``); its name."""
    bucket = f"b-{secrets.token_hex(8)}"
    with contextlib.closing(http.client.HTTPConnection(endpoint.removeprefix("http://"))) as connection:
        connection.request("PUT", f"/{bucket}")
        assert connection.getresponse().status == 200  # noqa: PLR2004  # it is made
    return bucket


def free_place() -> str:
    """A place of this machine at which nobody answers yet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
