"""Servers of MLflow's protocol, ours and a real `mlflow server`, seen from outside: their calls, and their CPU."""

from __future__ import annotations

import contextlib
import http.client
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from contender import cpu_seconds, environment, running

from terrazul.testing.postgresql import PostgresqlCluster
from terrazul.testing.server import RunningServer

HERE = Path(__file__).parent
API = "/api/2.0/mlflow/"
RIVAL = "mlflow"
DRIVER = "psycopg[binary]"
_OK = 200
_BUSY = 100
"""Milliseconds of CPU in a second: less is no start any more."""


@dataclass
class Tracker:
    """A server; ``database`` is the process of its database, where it has one of its own."""

    port: int
    prefix: str
    process: psutil.Process
    database: psutil.Process | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Where a client finds it, with what it needs to come in."""
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        return f"http://{f'x:{token}@' if token else ''}127.0.0.1:{self.port}{self.prefix}"

    def client(self) -> Client:
        """One connection."""
        return Client(self)

    def cpu(self, action: Callable[[], object], times: int) -> float:
        """Milliseconds of CPU, of the server and its database, for one of so many."""
        before = self._cpu_seconds()
        action()
        return (self._cpu_seconds() - before) / times * 1000

    def _cpu_seconds(self) -> float:
        return sum(cpu_seconds(each) for each in (self.process, self.database) if each is not None)


class Client:
    """A connection on which one request follows the other."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._connection = http.client.HTTPConnection("127.0.0.1", tracker.port, timeout=300)

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """The answer's bytes; anything but 200 ends the measurement."""
        headers = {"Content-Type": "application/json", **self._tracker.headers}
        try:
            self._connection.request(method, self._tracker.prefix + path, body, headers)
            answer = self._connection.getresponse()
        except ConnectionError:  # `mlflow server` lets go of a connection now and then
            self._connection.close()
            self._connection.request(method, self._tracker.prefix + path, body, headers)
            answer = self._connection.getresponse()
        data = answer.read()
        if answer.status != _OK:
            raise SystemExit(f"{method} {path}: {answer.status} {data[:500]!r}")
        return data

    def post(self, name: str, body: Any) -> Any:
        """Call a method of the protocol."""
        return json.loads(self.ask("POST", API + name, json.dumps(body).encode()))

    def create_run(self) -> str:
        """A new run."""
        body = {"experiment_id": "0", "start_time": int(time.time() * 1000)}
        return str(self.post("runs/create", body)["run"]["info"]["run_id"])

    def log_metrics(self, run_id: str, key: str, count: int) -> None:
        """So many values, each in a call of its own."""
        for step in range(count):
            point = {"run_id": run_id, "key": key, "value": 0.1, "timestamp": step, "step": step}
            self.post("runs/log-metric", point)

    def log_batch(self, run_id: str, key: str, first: int, count: int) -> None:
        """So many values in one call."""
        metrics = [
            {"key": key, "value": step * 0.1, "timestamp": step, "step": step} for step in range(first, first + count)
        ]
        self.post("runs/log-batch", {"run_id": run_id, "metrics": metrics})

    def log_batches(self, run_id: str, key: str, batches: int) -> None:
        """A thousand values in each of so many calls."""
        for index in range(batches):
            self.log_batch(run_id, key, index * 1000, 1000)

    def live(self) -> None:
        """A short run, from its beginning to its end."""
        run_id = self.create_run()
        value = hash(run_id) % 1000 / 1000
        metrics = [{"key": f"m{index}", "value": value, "timestamp": 1, "step": 0} for index in range(5)]
        parameters = [{"key": f"p{index}", "value": str(index)} for index in range(5)]
        tags = [{"key": "team", "value": "a"}]
        self.post("runs/log-batch", {"run_id": run_id, "metrics": metrics, "params": parameters, "tags": tags})
        self.post("runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": int(time.time() * 1000)})

    def find(self, experiment_id: str = "0") -> None:
        """A page of a hundred runs, filtered and ordered by a metric."""
        wanted = {"experiment_ids": [experiment_id], "filter": "metrics.m0 > 0.1", "order_by": ["metrics.m0 DESC"]}
        if len(self.post("runs/search", {**wanted, "max_results": 100})["runs"]) == 0:
            raise SystemExit("the search found nothing")

    def read_history(self, run_id: str, key: str, points: int) -> None:
        """Every page of a metric's history."""
        read, page = 0, ""
        while True:
            query = f"metrics/get-history?run_id={run_id}&metric_key={key}&max_results=25000"
            answer = json.loads(self.ask("GET", API + query + (f"&page_token={page}" if page else "")))
            read += len(answer["metrics"])
            page = answer.get("next_page_token") or ""
            if not page:
                break
        if read != points:
            raise SystemExit(f"{read} of {points} points came back")


@contextlib.contextmanager
def postgresql() -> Iterator[PostgresqlCluster]:
    """A PostgreSQL for both servers."""
    cluster = PostgresqlCluster()
    try:
        yield cluster
    finally:
        cluster.remove()


@contextlib.contextmanager
def our_server(home: Path, cluster: PostgresqlCluster | None) -> Iterator[Tracker]:
    """Ours, with a workspace."""
    server = RunningServer(home, database=cluster.make_database() if cluster else "")
    server.start()
    try:
        yield tracker_of(server, cluster)
    finally:
        server.stop()


def tracker_of(server: RunningServer, cluster: PostgresqlCluster | None = None) -> Tracker:
    """How a running server of ours is seen."""
    port = int(server.url.rpartition(":")[2])
    headers = {"Authorization": f"Bearer {server.token}"}
    return Tracker(port, f"{server.workspace()}/mlflow", psutil.Process(server.pid), _process(cluster), headers)


@contextlib.contextmanager
def rival_server(folder: Path, cluster: PostgresqlCluster | None) -> Iterator[Tracker]:
    """A real `mlflow server` with two workers."""
    folder.mkdir()
    store = cluster.make_database() if cluster else f"sqlite:///{folder}/mlflow.db"

    def command(port: int) -> list[str]:
        line = [str(rival_python().with_name("mlflow")), "server", "--backend-store-uri", store]
        return [*line, "--artifacts-destination", str(folder / "files"), "--port", str(port), "--workers", "2"]

    with running(RIVAL, command) as (port, process):
        tracker = Tracker(port, "", process, _process(cluster))
        tracker.client().create_run()
        while tracker.cpu(lambda: time.sleep(1), 1) > _BUSY:  # its processes go on starting after it answers
            pass
        yield tracker


def rival_python() -> Path:
    """The interpreter that has MLflow."""
    return environment(RIVAL, ["mlflow", DRIVER])


@contextlib.contextmanager
def nothing_server() -> Iterator[Tracker]:
    """A server that does nothing."""

    def command(port: int) -> list[str]:
        line = [sys.executable, "-m", "uvicorn", "nothing:app", "--app-dir", str(HERE / "services")]
        return [*line, "--port", str(port), "--log-level", "critical", "--no-access-log"]

    with running("nothing", command) as (port, process):
        yield Tracker(port, "", process)


def _process(cluster: PostgresqlCluster | None) -> psutil.Process | None:
    return psutil.Process(cluster.pid) if cluster else None
