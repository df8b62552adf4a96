"""Tracking: CPU of the server for each operation of MLflow's protocol, the same calls to ours and to `mlflow server`.

``python benchmarks/tracking.py [sqlite] [postgresql] [growth]`` prints these tables, or all three; the last one says
how the figures grow with the number of runs and points. It takes some minutes, and many more with ``--rivals``, which
measures a real `mlflow server` beside ours (two workers, in an environment of its own below ``.bench``) and MLflow's
own client against both and against a server that does nothing. ``--quick`` uses small sizes.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import search
from measure import Figure, median_seconds, show
from sqlalchemy import text
from tracker import (
    HERE,
    Client,
    Tracker,
    nothing_server,
    our_server,
    postgresql,
    rival_python,
    rival_server,
    tracker_of,
)

from terrazul.server.run.store.metric import metric
from terrazul.server.sql.database import Database
from terrazul.server.sql.kinds.sqlite import SqliteDatabase
from terrazul.testing.server import RunningServer

LARGE = 64 << 20
SMALL_FILES = 100
WRITERS = 8
FLOOD_SECONDS = 60e-6
"""For each point."""


class Sizes(NamedTuple):
    """How much is done."""

    calls: int
    batches: int
    runs: int
    searched: int
    history: int
    flood: int


QUICK = Sizes(300, 20, 60, 500, 100_000, 100_000)
WHOLE = Sizes(2000, 100, 500, 5000, 100_000, 1_000_000)
SHORT = Sizes(500, 30, 100, 1000, 100_000, 100_000)


class Goal(NamedTuple):
    """What is measured: its limit in milliseconds, and how many times better than the rival it is to be, if at all."""

    name: str
    what: str
    limit: float
    known: str = ""
    times: float | None = None


def main() -> bool:
    """Measure; True where every goal is met."""
    rivals, quick = "--rivals" in sys.argv, "--quick" in sys.argv
    tables: dict[str, Callable[[], bool]] = {
        "sqlite": lambda: compare("SQLite", QUICK if quick else WHOLE, rivals=rivals),
        "postgresql": lambda: compare("PostgreSQL", QUICK if quick else SHORT, rivals=rivals),
        "growth": lambda: show("Tracking as it grows: SQLite", growth()),
    }
    within = [tables[name]() for name in [each for each in sys.argv[1:] if each in tables] or tables]
    return all(within)


def compare(kind: str, sizes: Sizes, *, rivals: bool) -> bool:
    """The table of one kind of database."""
    rival: dict[str, float] = {}
    wall = ""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        cluster = stack.enter_context(postgresql()) if kind == "PostgreSQL" else None
        with our_server(Path(folder) / "home", cluster) as ours:
            measured = measure(ours, sizes)
            flooded = flood(ours, sizes)
            if rivals:
                with rival_server(Path(folder) / "rival", cluster) as other:
                    rival = measure(other, sizes)
                    wall = through_client(ours, other, sizes.calls // 10)
    figures = [figure(goal, measured, rival) for goal in goals(sizes)] + flooded
    return show(f"Tracking, MLflow's protocol, {kind}{wall}", figures)


def goals(sizes: Sizes) -> list[Goal]:
    """What is compared, and what MLflow 3.17 took on a quiet machine."""
    return [
        Goal("log_metric", "log_metric: CPU", 1.0, "MLflow 3.17: 11-14"),
        Goal("log_batch", "log_batch of 1,000: CPU a metric", 0.015, "MLflow 3.17: 0.11"),
        Goal("life", "create, batch, finish: CPU", 3.0, "MLflow 3.17: 33"),
        Goal("together", f"{WRITERS} clients, raw HTTP: wall of a call", 0.85, "MLflow 3.17: 6.8", times=8),
        Goal("search", f"search over {sizes.searched:,} runs, page of 100: p50", 10.0, "MLflow 3.17: 198 over 5,000"),
        Goal("history", f"history of {sizes.history:,} points", 400.0, "MLflow 3.17: 4,300"),
        Goal("upload", "upload of 64 MiB, times loopback and a flush", 1 / 0.7),
        Goal("download", "download of 64 MiB, times loopback", 1 / 0.7),
        Goal("small", "small file up: CPU", 5.0, times=5),
    ]


def figure(goal: Goal, ours: dict[str, float], rival: dict[str, float]) -> Figure:
    """A line of the table."""
    value, limit, beside = ours[goal.name], goal.limit, goal.known
    if goal.name in rival:
        beside = f"`mlflow server` here: {rival[goal.name]:.3g}, {rival[goal.name] / value:.1f} times"
        limit = rival[goal.name] / goal.times if goal.times else limit
    return Figure(goal.what, value, "" if "loopback" in goal.what else "ms", limit, beside)


def measure(tracker: Tracker, sizes: Sizes) -> dict[str, float]:
    """Everything that is compared, in milliseconds."""
    client = tracker.client()
    run_id = client.create_run()
    client.log_metrics(run_id, "warm", 20)
    found = {
        "log_metric": tracker.cpu(lambda: client.log_metrics(run_id, "m", sizes.calls), sizes.calls),
        "log_batch": tracker.cpu(lambda: client.log_batches(run_id, "b", sizes.batches), sizes.batches * 1000),
        "life": tracker.cpu(lambda: _repeat(client.live, sizes.runs), sizes.runs),
        "together": together(tracker, run_id, sizes.calls),
    }
    _repeat(client.live, sizes.searched - sizes.runs)
    found["search"] = _median(client.find, 20)
    client.log_batches(run_id, "h", sizes.history // 1000)
    found["history"] = _median(lambda: client.read_history(run_id, "h", sizes.history), 3)
    return {**found, **artifacts(tracker, client, run_id)}


def together(tracker: Tracker, run_id: str, calls: int) -> float:
    """Milliseconds of wall for a call, where eight clients call at the same time."""
    each = calls // WRITERS
    threads = [
        threading.Thread(target=tracker.client().log_metrics, args=(run_id, f"w{index}", each))
        for index in range(WRITERS)
    ]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (time.perf_counter() - begin) / (each * WRITERS) * 1000


def artifacts(tracker: Tracker, client: Client, run_id: str) -> dict[str, float]:
    """A large file and small ones, beside the same bytes through loopback and to the disk."""
    at = f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/"
    body = bytes(range(256)) * (LARGE // 256)
    with nothing_server() as nothing:
        plain = nothing.client()
        plain_up = max(_median(lambda: plain.ask("PUT", "/x", body), 5), _median(lambda: flush(body), 5))
        plain_down = _median(lambda: plain.ask("GET", f"/bytes/{LARGE}"), 5)
    up = _median(lambda: client.ask("PUT", at + "large.bin", body), 5)
    down = _median(lambda: client.ask("GET", at + "large.bin"), 5)

    def send_small() -> None:
        for index in range(SMALL_FILES):
            client.ask("PUT", f"{at}small/{index}.txt", b"%d" % index * 100)

    return {"upload": up / plain_up, "download": down / plain_down, "small": tracker.cpu(send_small, SMALL_FILES)}


def flush(body: bytes) -> None:
    """Write bytes to the disk, where servers of this measurement keep theirs."""
    with tempfile.TemporaryFile() as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())


def through_client(ours: Tracker, rival: Tracker, calls: int) -> str:
    """What MLflow's own client takes for a call, in words."""
    with nothing_server() as nothing:
        taken = [
            _client_milliseconds(tracker, run_id, calls)
            for tracker, run_id in (
                (ours, ours.client().create_run()), (rival, rival.client().create_run()), (nothing, "0" * 32),
            )
        ]  # fmt: skip
    return "; `MlflowClient.log_metric`: {:.1f} ms here, {:.1f} ms with `mlflow server`, {:.1f} ms with nothing".format(
        *taken
    )


def _client_milliseconds(tracker: Tracker, run_id: str, calls: int) -> float:
    command = [str(rival_python()), str(HERE / "services" / "client.py"), tracker.address, run_id, str(calls)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


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
    for run_id in runs:  # none is lost: this ends the measurement where one is
        client.read_history(run_id, "flood", each * 1000)
    beside = f"none lost; {len(reads)} searches beside, median {statistics.median(reads):.1f} ms"
    return [
        Figure(f"{sizes.flood:,} points from 100 runs", taken, "s", FLOOD_SECONDS * sizes.flood, beside),
        Figure("slowest search beside", max(reads), "ms", 500),
    ]


def growth() -> list[Figure]:
    """The same calls over ten times as many runs, and a hundred times as many points."""
    few, many = _at_size(10_000, 100_000), _at_size(100_000, 10_000_000)
    return [
        Figure(
            f"{name}: 100,000 runs and 10,000,000 points, times 10,000 and 100,000", many[name] / few[name], "", 2,
            f"{many[name]:.3g} ms, {few[name]:.3g} ms",
        )
        for name in few
    ]  # fmt: skip


def _at_size(runs: int, points: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        server = RunningServer(Path(folder) / "home")
        server.start()
        server.workspace()
        server.stop()
        search.build(server.home.database_file, runs)
        _lengthen(server.home.database_file, points - runs * 10)
        server.start()
        try:
            return _grown(tracker_of(server))
        finally:
            server.stop()


def _grown(tracker: Tracker) -> dict[str, float]:
    client = tracker.client()
    run_id = client.create_run()
    client.log_metrics(run_id, "warm", 50)
    return {
        "log_metric, CPU": tracker.cpu(lambda: client.log_metrics(run_id, "m", 1000), 1000),
        "log_metric to the longest metric, CPU": tracker.cpu(lambda: client.log_metrics("run_1", "acc", 1000), 1000),
        "log_batch, CPU a metric": tracker.cpu(lambda: client.log_batches(run_id, "b", 50), 50_000),
        "create, batch, finish, CPU": tracker.cpu(lambda: _repeat(client.live, 200), 200),
        "history of 50,000 points": _median(lambda: client.read_history(run_id, "b", 50_000), 5),
        "search, page of 100, p50": _median(lambda: client.find("1"), 20),
    }


def _lengthen(path: Path, count: int) -> None:
    """Add points to the first run's first metric."""
    if not count:
        return
    database = Database(SqliteDatabase(path))
    with database.engine.connect() as connection, connection.begin():
        key = connection.execute(metric.select().limit(1)).one().id
        steps = "WITH RECURSIVE step(at) AS (SELECT 1 UNION ALL SELECT at + 1 FROM step WHERE at < :count) "
        points = "SELECT 1, :key, at + 1, at, :time + at, 0, 0.5 FROM step"
        columns = "workspace, metric, sequence, step, time, form, number"
        values = {"count": count, "key": key, "time": search.BEGIN}
        connection.execute(text(f"INSERT INTO metric_point ({columns}) {steps}{points}"), values)  # all ours
        last = {"count": count + 1, "last_sequence": count + 1, "last_step": count, "last_time": search.BEGIN + count}
        connection.execute(metric.update().where(metric.c.id == key).values(**last))
    database.close()


def _repeat(action: Callable[[], object], times: int) -> None:
    for _ in range(times):
        action()


def _median(action: Callable[[], object], times: int) -> float:
    """Milliseconds."""
    return median_seconds(action, times) * 1000


if __name__ == "__main__":
    raise SystemExit(not main())
