"""The processes of one server seen from outside: who they are, which of them leads, and connections to a chosen one."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from typing import Any

import psutil

from terrazul.server.sql.kinds.postgresql import LEADING
from terrazul.testing.postgresql import PostgresqlCluster
from terrazul.testing.server import Answer, RunningServer
from terrazul.testing.submission import wait_for

_MOST_TRIES = 500
_LEADER = (
    "SELECT client_port FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE locktype = 'advisory' AND objid = %s"
)


def members(server: RunningServer) -> list[int]:
    """The processes that answer, by id."""
    return [process.pid for process in psutil.Process(server.pid).children() if process.is_running()]


def leader(server: RunningServer, cluster: PostgresqlCluster) -> int:
    """The process that leads."""

    def look() -> int | None:
        with cluster.administrate() as connection:
            row = connection.execute(_LEADER, (LEADING,)).fetchone()
        return None if row is None else next(iter(_with_port(server, row[0])), None)

    return int(wait_for(look))


@contextlib.contextmanager
def connected_to(server: RunningServer, member: int) -> Iterator[Client]:
    """A connection that is kept, to one of the processes."""
    address = server.url.partition("//")[2]
    for _ in range(_MOST_TRIES):
        connection = http.client.HTTPConnection(address, timeout=60)
        with contextlib.closing(connection):
            client = Client(connection)
            client.ask("GET", "/health")  # it has been accepted then
            if member in _with_port(server, connection.sock.getsockname()[1]):
                yield client
                return
    raise AssertionError(f"process {member} takes no connection")


class Client:
    """Asks over one connection."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection

    def ask(self, method: str, path: str, body: Any = None, *, token: str = "") -> Answer:
        """Make a request; any status is an answer."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self._connection.getresponse()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())


def _with_port(server: RunningServer, port: int) -> set[int]:
    """The processes that hold a connection of which one end has this port: as its own, or as the other side's."""
    found = set()
    for member in members(server):
        with contextlib.suppress(psutil.NoSuchProcess):  # it was killed since
            for each in psutil.Process(member).net_connections("tcp"):
                if each.status == psutil.CONN_ESTABLISHED and port in {each.laddr.port, each.raddr.port}:
                    found.add(member)
    return found
