"""The server's process: what it checks, holds and makes ready before it answers."""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import secrets
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import uvicorn

from terrazul.core.clock import Microseconds, now
from terrazul.core.errors import Conflict, InvalidInput, TerrazulError
from terrazul.core.home import Home
from terrazul.core.settings import Settings, add_options, from_environment, variable_of
from terrazul.core.version import __version__
from terrazul.server.app import Announce, build
from terrazul.server.crew import Crew
from terrazul.server.identity.service.provider import secret_in
from terrazul.server.network.connection import connection_of
from terrazul.server.network.place import Place, place_of
from terrazul.server.observation import configure_logging
from terrazul.server.services import Services
from terrazul.server.session import keep_clouds_from_server, take_lock
from terrazul.server.sql.choice import choose, is_shared
from terrazul.server.sql.kind import DatabaseKind
from terrazul.server.sql.migration import migrate
from terrazul.wire import codec
from terrazul.wire.server import ServerFile

_STOP_SECONDS = 3
_ENDING_SECONDS = 5.0
_LOOK_SECONDS = 0.02


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal ends it; returns the exit code."""
    options = vars(_parser().parse_args(arguments))
    home = Home(options.pop("home"))
    os.umask(0o077)
    try:
        settings = from_environment(dict(os.environ), **options)
        home.path.mkdir(parents=True, exist_ok=True)
        _check_together(settings)
        secret_in(settings.oidc_client_secret_file)  # which is read anew whenever it is needed
        with _only_server(home), _listening(settings) as listener:
            place = place_of(home, settings, listener.getsockname()[:2], now)
            kind = choose(settings.database, home.database_file)
            keep_clouds_from_server()
            os.environ.pop(variable_of("database"), None)  # it may hold a password: no program that we start has it
            migrate(kind)
            kind.check_unused()
            configure_logging()
            return _serve(_Setting(home, settings, kind, listener, place, os.getpid(), now()))
    except TerrazulError as error:
        sys.stderr.write(f"{error}\n")
        return 1


class _Setting(NamedTuple):
    """What every process of the server is made with."""

    home: Home
    settings: Settings
    kind: DatabaseKind
    listener: socket.socket
    place: Place
    pid: int
    """By which the server is known, whichever process answers."""
    started_at: Microseconds


def _serve(setting: _Setting) -> int:
    token = _token(setting.home.token_file)

    @contextlib.contextmanager
    def announced() -> Iterator[None]:
        about = ServerFile(setting.place.url, setting.pid, __version__, setting.place.ca_file)
        _replace(setting.home.server_file, codec.encode(about))
        try:
            yield
        finally:
            setting.home.server_file.unlink(missing_ok=True)

    if setting.settings.processes == 1:
        _serve_here(setting, token, announced)
        return 0
    gc.freeze()  # what is here already stays shared
    crew = Crew(setting.settings.processes, lambda ready: _serve_here(setting, token, ready))
    return 0 if crew.run(announced) else 1


def _serve_here(setting: _Setting, token: str, announced: Announce) -> None:
    """Answer in this process until a signal ends it."""
    services = Services(setting.home, setting.settings, now, setting.kind)
    services.facts.server_url = setting.place.url
    services.pid, services.started_at = setting.pid, setting.started_at

    @contextlib.contextmanager
    def ready() -> Iterator[None]:
        gc.freeze()
        gc.enable()
        with announced():
            yield

    application = build(services, ready, token, setting.place.names)
    tls = setting.place.tls
    config = uvicorn.Config(
        application,
        http=connection_of(setting.settings.request_seconds),
        ws="none",
        loop="uvloop",
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_STOP_SECONDS,
        proxy_headers=setting.settings.plain_http,  # of a proxy on this machine: nobody else is believed
        ssl_context_factory=None if tls is None else lambda *_: tls,
    )
    uvicorn.Server(config).run(sockets=[setting.listener])


def _check_together(settings: Settings) -> None:
    if settings.processes > 1 and not is_shared(settings.database):
        raise InvalidInput(
            f"{settings.processes} processes cannot share an SQLite database.",
            target="processes",
            hint="Name a PostgreSQL database with the setting `database`, or leave `processes` at 1.",
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m terrazul.server", description=__doc__)
    parser.add_argument("--home")
    add_options(parser)
    return parser


@contextlib.contextmanager
def _only_server(home: Home) -> Iterator[None]:
    """Hold the home's lock, with our process id in it: exactly one server uses a home.

    Its other processes hold the lock too. Those of one that was killed are about to end, and are waited for.
    """
    descriptor = os.open(home.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + _ENDING_SECONDS
    try:
        while not take_lock(descriptor):
            if _is_orphaned(home.lock_file) and time.monotonic() < deadline:
                time.sleep(_LOOK_SECONDS)
                continue
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


def _is_orphaned(lock_file: Path) -> bool:
    """Whether the process that a lock names is no more, though others hold it."""
    try:
        os.kill(int(lock_file.read_text()), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, ValueError):
        return False
    return False


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
