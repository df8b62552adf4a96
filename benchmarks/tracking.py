"""Tracking: CPU of the server for each operation of MLflow's protocol, the same calls to ours and to `mlflow server`.

``python benchmarks/tracking.py`` takes some minutes, and more with ``--rivals``, which measures a real `mlflow server`
beside ours (SQLite, two workers, in an environment of its own below ``.bench``) and MLflow's own client against both
and against a server that does nothing. ``--quick`` uses small sizes, and leaves out how the figures grow.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import search
from contender import cpu_seconds, environment, running
from measure import Figure, median_seconds, show

from terrazul.server.run.store.metric import metric, point
from terrazul.server.sql.database import Database
from terrazul.server.sql.kinds.sqlite import SqliteDatabase
from terrazul.testing.server import RunningServer

HERE = Path(__file__).parent
API = "/api/2.0/mlflow/"
RIVAL = "mlflow"
MEBIBYTE = 1 << 20
LARGE = 64 * MEBIBYTE
SMALL_FILES = 100
WRITERS = 8


class Sizes(NamedTuple):
    """How much is done."""

    calls: int
    batches: int
    runs: int
    searched: int
    history: int
    flood: int
    growth: tuple[int, ...]


QUICK = Sizes(300, 20, 60, 500, 100_000, 100_000, ())
WHOLE = Sizes(2000, 100, 500, 5000, 100_000, 1_000_000, (10_000, 100_000))


@dataclass
class Tracker:
    """A server of MLflow's protocol, seen from outside."""

    port: int
    prefix: str
    process: psutil.Process
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
        """Milliseconds of the server's CPU for one of so many."""
        before = cpu_seconds(self.process)
        action()
        return (cpu_seconds(self.process) - before) / times * 1000


class Client:
    """A connection on which one request follows the other."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._connection = http.client.HTTPConnection("127.0.0.1", tracker.port, timeout=300)

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """The answer's bytes; anything but 200 ends the measurement."""
        headers = {"Content-Type": "application/json", **self._tracker.headers}
        self._connection.request(method, self._tracker.prefix + path, body, headers)
        answer = self._connection.getresponse()
        data = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{method} {path}: {answer.status} {data[:500]!r}")
        return data

    def post(self, name: str, body: Any) -> Any:
        """Call a method of the protocol."""
        return json.loads(self.ask("POST", API + name, json.dumps(body).encode()))

    def create_run(self) -> str:
        """A new run."""
        body = {"experiment_id": "0", "start_time": int(time.time() * 1000)}
        return str(self.post("runs/create", body)["run"]["info"]["run_id"])

    def log_batch(self, run_id: str, key: str, first: int, count: int) -> None:
        """So many points of a metric."""
        metrics = [
            {"key": key, "value": step * 0.1, "timestamp": step, "step": step} for step in range(first, first + count)
        ]
        self.post("runs/log-batch", {"run_id": run_id, "metrics": metrics})


def main() -> bool:
    """Measure; True where every goal is met."""
    sizes = QUICK if "--quick" in sys.argv else WHOLE
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        ours = stack.enter_context(our_server(Path(folder) / "home"))
        measured = measure(ours, sizes)
        rival: dict[str, float] = {}
        wall = ""
        if "--rivals" in sys.argv:
            other = stack.enter_context(rival_server(Path(folder) / "rival"))
            rival = measure(other, sizes)
            wall = through_client(stack, ours, other, sizes.calls // 10)
        flooded = flood(ours, sizes)
    figures = [figure(*each, measured, rival) for each in goals(sizes)]
    figures += flooded
    for each in sizes.growth:
        figures += growth(each)
    return show(f"Tracking, SQLite, MLflow's protocol{wall}", figures)


def goals(sizes: Sizes) -> list[tuple[str, str, float, str]]:
    """What is measured, how it is told of, its limit, and what MLflow 3.17 took on a quiet machine."""
    return [
        ("log_metric", "log_metric: CPU", 1.0, "MLflow 3.17: 11-14"),
        ("log_batch", "log_batch of 1,000: CPU a metric", 0.015, "MLflow 3.17: 0.11"),
        ("life", "create, batch, finish: CPU", 3.0, "MLflow 3.17: 33"),
        ("together", f"{WRITERS} clients, raw HTTP: wall of a call", 0.85, "MLflow 3.17: 6.8"),
        ("search", f"search over {sizes.searched:,} runs, page of 100: p50", 10.0, "MLflow 3.17: 198 over 5,000"),
        ("history", f"history of {sizes.history:,} points", 400.0, "MLflow 3.17: 4,300"),
        ("upload", "upload of 64 MiB, times loopback", 1 / 0.7, ""),
        ("download", "download of 64 MiB, times loopback", 1 / 0.7, ""),
        ("small", "small file up: CPU", 5.0, ""),
    ]


def figure(name: str, what: str, limit: float, known: str, ours: dict[str, float], rival: dict[str, float]) -> Figure:
    """A line of the table."""
    beside = known
    if name in rival:
        beside = f"`mlflow server` here: {rival[name]:.3g}, {rival[name] / ours[name]:.1f} times"
    return Figure(what, ours[name], "" if "loopback" in what else "ms", limit, beside)


@contextlib.contextmanager
def our_server(home: Path) -> Iterator[Tracker]:
    """Ours, with a workspace."""
    server = RunningServer(home)
    server.start()
    try:
        yield tracker_of(server)
    finally:
        server.stop()


def tracker_of(server: RunningServer) -> Tracker:
    """How a running server of ours is seen."""
    port = int(server.url.rpartition(":")[2])
    headers = {"Authorization": f"Bearer {server.token}"}
    return Tracker(port, f"{server.workspace()}/mlflow", psutil.Process(server.pid), headers)


@contextlib.contextmanager
def rival_server(folder: Path) -> Iterator[Tracker]:
    """A real `mlflow server`."""
    folder.mkdir()
    python = environment(RIVAL, ["mlflow"])

    def command(port: int) -> list[str]:
        line = [str(python.with_name("mlflow")), "server", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
        return [*line, "--artifacts-destination", str(folder / "files"), "--port", str(port), "--workers", "2"]

    with running(RIVAL, command) as (port, process):
        yield Tracker(port, "", process)


def measure(tracker: Tracker, sizes: Sizes) -> dict[str, float]:
    """Everything that is compared, in milliseconds."""
    client = tracker.client()
    run_id = client.create_run()
    log_metrics(client, run_id, "warm", 20)
    found = {
        "log_metric": tracker.cpu(lambda: log_metrics(client, run_id, "m", sizes.calls), sizes.calls),
        "log_batch": tracker.cpu(
            lambda: [client.log_batch(run_id, "b", at * 1000, 1000) for at in range(sizes.batches)],
            sizes.batches * 1000,
        ),
        "life": tracker.cpu(lambda: [life(client) for _ in range(sizes.runs)], sizes.runs),
        "together": together(tracker, run_id, sizes.calls),
    }
    for _ in range(max(0, sizes.searched - sizes.runs)):
        life(client)
    found["search"] = _median(lambda: find(client), 20)
    for at in range(sizes.history // 1000):
        client.log_batch(run_id, "h", at * 1000, 1000)
    found["history"] = _median(lambda: history(client, run_id, sizes.history), 3)
    return {**found, **artifacts(tracker, client, run_id)}


def log_metrics(client: Client, run_id: str, key: str, count: int) -> None:
    """One call for each value."""
    for step in range(count):
        client.post("runs/log-metric", {"run_id": run_id, "key": key, "value": 0.1, "timestamp": step, "step": step})


def life(client: Client) -> None:
    """A short run, from its beginning to its end."""
    run_id = client.create_run()
    value = hash(run_id) % 1000 / 1000
    metrics = [{"key": f"m{index}", "value": value, "timestamp": 1, "step": 0} for index in range(5)]
    parameters = [{"key": f"p{index}", "value": str(index)} for index in range(5)]
    tags = [{"key": "team", "value": "a"}]
    client.post("runs/log-batch", {"run_id": run_id, "metrics": metrics, "params": parameters, "tags": tags})
    client.post("runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": int(time.time() * 1000)})


def together(tracker: Tracker, run_id: str, calls: int) -> float:
    """Milliseconds of wall for a call, where eight clients call at the same time."""
    each = max(1, calls // WRITERS)
    threads = [
        threading.Thread(target=log_metrics, args=(tracker.client(), run_id, f"w{index}", each))
        for index in range(WRITERS)
    ]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (time.perf_counter() - begin) / (each * WRITERS) * 1000


def find(client: Client) -> None:
    """Filter and order by a metric."""
    wanted = {
        "experiment_ids": ["0"],
        "filter": "metrics.m0 > 0.1",
        "order_by": ["metrics.m0 DESC"],
        "max_results": 100,
    }
    if len(client.post("runs/search", wanted)["runs"]) == 0:
        raise SystemExit("the search found nothing")


def history(client: Client, run_id: str, points: int) -> None:
    """Every page of the history."""
    read, page = 0, ""
    while True:
        query = f"metrics/get-history?run_id={run_id}&metric_key=h&max_results=25000" + (
            f"&page_token={page}" if page else ""
        )
        answer = json.loads(client.ask("GET", API + query))
        read += len(answer["metrics"])
        page = answer.get("next_page_token") or ""
        if not page:
            break
    if read != points:
        raise SystemExit(f"{read} of {points} points came back")


def artifacts(tracker: Tracker, client: Client, run_id: str) -> dict[str, float]:
    """A large file and small ones, beside the same bytes through loopback."""
    at = f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/"
    body = bytes(range(256)) * (LARGE // 256)
    plain = loopback(body)
    up = _median(lambda: client.ask("PUT", at + "large.bin", body), 3)
    down = _median(lambda: client.ask("GET", at + "large.bin"), 3)

    def send_small() -> None:
        for index in range(SMALL_FILES):
            client.ask("PUT", f"{at}small/{index}.txt", b"%d" % index * 100)

    return {"upload": up / plain, "download": down / plain, "small": tracker.cpu(send_small, SMALL_FILES)}


def _median(action: Callable[[], object], times: int) -> float:
    """Milliseconds."""
    return median_seconds(action, times) * 1000


def loopback(body: bytes) -> float:
    """Milliseconds that the bytes take through a socket of this machine, and to be hashed nowhere."""
    with running("nothing", lambda port: uvicorn_command(Path(sys.executable), port)) as (port, process):
        nothing = Tracker(port, "", process).client()
        return _median(lambda: nothing.ask("PUT", "/x", body), 3)


def uvicorn_command(python: Path, port: int) -> list[str]:
    """The server that does nothing."""
    line = [str(python), "-m", "uvicorn", "nothing:app", "--app-dir", str(HERE / "services"), "--port", str(port)]
    return [*line, "--log-level", "critical", "--no-access-log"]


def through_client(stack: contextlib.ExitStack, ours: Tracker, rival: Tracker, calls: int) -> str:
    """What MLflow's own client takes for a call, in words."""
    import subprocess  # noqa: PLC0415  # only here

    port, process = stack.enter_context(running("nothing", lambda port: uvicorn_command(Path(sys.executable), port)))
    taken = []
    for tracker in (ours, rival, Tracker(port, "", process)):
        run_id = tracker.client().create_run() if tracker.process is not process else "0" * 32
        command = [environment(RIVAL, ["mlflow"]), HERE / "services" / "client.py", tracker.address, run_id, str(calls)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        taken.append(float(done.stdout))
    return "; `MlflowClient.log_metric`: {:.1f} ms here, {:.1f} ms with `mlflow server`, {:.1f} ms with nothing".format(
        *taken
    )


def flood(tracker: Tracker, sizes: Sizes) -> list[Figure]:
    """Points from a hundred runs, while another client reads."""
    client = tracker.client()
    runs = [client.create_run() for _ in range(100)]
    each = sizes.flood // len(runs) // 1000
    over = threading.Event()
    reads: list[float] = []

    def write(part: list[str]) -> None:
        own = tracker.client()
        for at in range(each):
            for run_id in part:
                own.log_batch(run_id, "flood", at * 1000, 1000)

    def read() -> None:
        own = tracker.client()
        while not over.is_set():
            begin = time.perf_counter()
            own.post("runs/search", {"experiment_ids": ["0"], "max_results": 20})
            reads.append((time.perf_counter() - begin) * 1000)

    writers = [threading.Thread(target=write, args=(runs[index::4],)) for index in range(4)]
    reader = threading.Thread(target=read)
    begin = time.perf_counter()
    for thread in [reader, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    taken = time.perf_counter() - begin
    over.set()
    reader.join()
    lost = sum(each * 1000 - _count(client, run_id) for run_id in runs)
    limit = 60 * sizes.flood / WHOLE.flood
    return [
        Figure(f"{sizes.flood:,} points from 100 runs", taken, "s", limit, f"{len(reads)} searches beside"),
        Figure("slowest search beside", max(reads), "ms", 500, f"median {statistics.median(reads):.1f} ms"),
        Figure("points lost", lost, "", 0),
    ]


def _count(client: Client, run_id: str) -> int:
    answer = client.ask("GET", f"{API}metrics/get-history?run_id={run_id}&metric_key=flood")
    return len(json.loads(answer)["metrics"])


def growth(runs: int) -> list[Figure]:
    """The same calls over many runs, and many points of one metric, beside an empty database."""
    few, many = (_at_size(size) for size in (100, runs))
    return [
        Figure(
            f"{name} with {runs:,} runs and {runs * 100:,} points, times 100 and 10,000", many[name] / few[name], "", 2
        )
        for name in few
    ]


def _at_size(runs: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        server = RunningServer(Path(folder) / "home")
        server.start()
        server.workspace()
        server.stop()
        search.build(server.home.database_file, runs)
        _add_points(server.home.database_file, runs * 100)
        server.start()
        try:
            tracker = tracker_of(server)
            client = tracker.client()
            run_id = client.create_run()
            log_metrics(client, run_id, "warm", 50)
            return {
                "log_metric": tracker.cpu(lambda: log_metrics(client, run_id, "m", 500), 500),
                "create, batch, finish": tracker.cpu(lambda: [life(client) for _ in range(100)], 100),
            }
        finally:
            server.stop()


def _add_points(path: Path, count: int) -> None:
    database = Database(SqliteDatabase(path))
    with database.engine.connect() as connection, connection.begin():
        key = connection.execute(metric.select().limit(1)).one().id
        columns = {"workspace": 1, "metric": key, "time": search.BEGIN, "form": 0, "number": 0.5}
        for first in range(2, count, 100_000):
            rows = [{**columns, "sequence": at, "step": at} for at in range(first, min(first + 100_000, count))]
            connection.execute(point.insert(), rows)
    database.close()


if __name__ == "__main__":
    raise SystemExit(not main())
