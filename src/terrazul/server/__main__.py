"""The server's process: ``python -m terrazul.server --home DIRECTORY``. ``terrazul up`` starts it."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import gc
import os
import secrets
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import uvicorn

from terrazul.core.clock import now
from terrazul.core.errors import Conflict, TerrazulError
from terrazul.core.home import Home
from terrazul.core.settings import Settings, add_options, from_environment
from terrazul.core.version import __version__
from terrazul.server.app import build
from terrazul.server.observation import configure_logging
from terrazul.server.services import Services
from terrazul.wire import codec
from terrazul.wire.server import ServerFile

_STOP_SECONDS = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal ends it; returns the exit code."""
    options = vars(_parser().parse_args(arguments))
    home = Home(options.pop("home"))
    os.umask(0o077)
    try:
        settings = from_environment(dict(os.environ), **options)
        home.path.mkdir(parents=True, exist_ok=True)
        with _only_server(home), _listening(settings) as listener:
            configure_logging()
            _serve(home, settings, listener)
    except TerrazulError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _serve(home: Home, settings: Settings, listener: socket.socket) -> None:
    gc.disable()  # until it is ready: what it makes now, it keeps
    token = _token(home.token_file)
    services = Services(home, settings, now)
    host, port = listener.getsockname()[:2]
    services.facts.server_url = f"http://{host}:{port}"

    @contextlib.contextmanager
    def announced() -> Iterator[None]:
        gc.freeze()
        gc.enable()
        about = ServerFile(services.facts.server_url, os.getpid(), __version__)
        _replace(home.server_file, codec.encode(about))
        try:
            yield
        finally:
            home.server_file.unlink(missing_ok=True)

    application = build(services, announced, token)
    config = uvicorn.Config(
        application,
        http="httptools",
        loop="uvloop",
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[listener])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m terrazul.server", description=__doc__)
    parser.add_argument("--home")
    add_options(parser)
    return parser


@contextlib.contextmanager
def _only_server(home: Home) -> Iterator[None]:
    """Hold the home's lock, with our process id in it: exactly one process opens an SQLite database."""
    descriptor = os.open(home.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                f"Another server uses {home.path} already.",
                target=str(home.path),
                hint="Stop it with `terrazul down`, or give this one another --home.",
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            raise Conflict(
                f"Port {settings.port} of {settings.host} cannot be used: {error.strerror}.",
                target=str(settings.port),
                hint="Give another one with --port (0 takes a free one).",
            ) from error
        listener.listen(1024)
        yield listener


def _token(path: Path) -> str:
    """The owner's token; made at the first start."""
    with contextlib.suppress(FileNotFoundError):
        token = path.read_text().strip()
        if token:
            path.chmod(0o600)
            return token
    token = secrets.token_urlsafe(32)
    _replace(path, token.encode())
    return token


def _replace(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


if __name__ == "__main__":
    sys.exit(main())
