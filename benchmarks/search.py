"""Searching runs: filter and order over 5,000 to 100,000 runs, each with ten metrics, ten parameters and five tags."""

from __future__ import annotations

import http.client
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from measure import Figure, show
from sqlalchemy import Connection, Table, insert

from terrazul.server.experiment.store import experiment
from terrazul.server.run.store.metric import metric, point
from terrazul.server.run.store.run import parameter, property_, run, tag
from terrazul.server.sql.database import Database
from terrazul.server.sql.kinds.sqlite import SqliteDatabase
from terrazul.testing.server import RunningServer

SIZES = (5_000, 10_000, 100_000)
ROUNDS = 40
PAGE = 100
GROUP = 1000
BEGIN = 1_700_000_000_000_000
LIMITS = {5_000: 10.0, 10_000: 10.0, 100_000: 50.0}


@dataclass(frozen=True)
class Query:
    """A search, and how it is told of."""

    what: str
    filter: str = ""
    order_by: tuple[str, ...] = ()
    include: tuple[str, ...] = ()


QUERIES = (
    Query("newest first"),
    Query("filter and order by metric", "metric.acc > 0.9", ("metric.acc DESC",)),
    Query("the same, with the values of the metrics", "metric.acc > 0.9", ("metric.acc DESC",), ("metrics",)),
    Query("the same, counted", "metric.acc > 0.9", ("metric.acc DESC",), ("total",)),
    Query("order by metric, half of the runs fit", "params.optimizer = 'adam'", ("metric.loss",)),
    Query("rare parameter, order by metric", "params.seed = '4711'", ("metric.acc DESC",)),
    Query("two conditions", "metric.acc > 0.5 AND params.depth = '3'", ("metric.acc DESC",)),
    Query("OR, NOT, LIKE", "(tag.team LIKE 'a%' OR metric.acc > 0.99) AND NOT params.lr = '0.1'"),
    Query("few of a common state", "status = 'FAILED'", ("start_time DESC",)),
    Query("order by parameter", "", ("params.lr",)),
    Query("order by an attribute without an index", "", ("duration DESC",)),
    Query("nothing fits", "metric.acc > 0.5 AND tag.team LIKE '%zzz%'", ("metric.acc DESC",)),
)


def main() -> bool:
    """Build, ask, print."""
    within = True
    for size in [int(each) for each in sys.argv[1:]] or SIZES:
        with tempfile.TemporaryDirectory() as folder:
            within &= measure(Path(folder), size)
    return within


def measure(folder: Path, size: int) -> bool:
    """One table: every query over so many runs."""
    server = RunningServer(folder / "home")
    server.start()
    workspace = server.workspace()
    server.stop()
    begin = time.monotonic()
    build(server.home.database_file, size)
    built = time.monotonic() - begin
    server.start()
    try:
        figures = [figure(server, workspace, query, size) for query in QUERIES]
    finally:
        server.stop()
    return show(f"Searching {size:,} runs, a page of {PAGE} (built in {built:.0f} s)", figures)


def figure(server: RunningServer, workspace: str, query: Query, size: int) -> Figure:
    """The median time of one query through HTTP on one connection, beside the server's CPU time for it."""
    connection = http.client.HTTPConnection(server.url.partition("//")[2])
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
    body = json.dumps({
        "filter": query.filter, "order_by": query.order_by, "include": query.include, "limit": PAGE
    }).encode()  # fmt: skip
    taken, found = [], 0
    before = 0.0
    for number in range(ROUNDS + 3):
        if number == 3:  # the first ones fill caches
            before = cpu_seconds(server.pid)
        begin = time.perf_counter()
        connection.request("POST", f"{workspace}/runs/search", body, headers)
        answer = connection.getresponse()
        data = answer.read()
        taken.append(time.perf_counter() - begin)
        if answer.status != 200:
            raise SystemExit(data)
        found = len(json.loads(data)["runs"])
    cpu = (cpu_seconds(server.pid) - before) / ROUNDS
    connection.close()
    p50 = statistics.median(taken[3:]) * 1000
    worst = max(taken[3:]) * 1000
    beside = f"{found} runs; slowest {worst:.1f} ms; {cpu * 1000:.1f} ms CPU of the server"
    return Figure(query.what, p50, "ms", LIMITS.get(size, 50.0), beside)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def build(path: Path, size: int) -> None:
    """Enter the runs as the server keeps them, many at once."""
    database = Database(SqliteDatabase(path))
    with database.engine.connect() as connection, connection.begin():
        key = connection.execute(
            insert(experiment).values(
                workspace=1, experiment_id="benchmark", name="benchmark", description="", tags={}, created_at=BEGIN,
                created_by="b", last_run_number=size, run_count=size, number=1, updated_at=BEGIN,
            )
        ).inserted_primary_key  # fmt: skip
        made = rows(size, key[0] if key else 1)
        while group := list(islice(made, GROUP)):
            enter(connection, group)
    database.close()


def enter(connection: Connection, group: list[dict[Table, list[dict[str, Any]]]]) -> None:
    """Enter the rows of some runs."""
    for table in (run, metric, point, parameter.table, tag.table, property_.table):
        connection.execute(insert(table), [row for rows_of_run in group for row in rows_of_run[table]])


def texts_of(number: int, texts: dict[str, str]) -> list[dict[str, Any]]:
    """The rows of texts of one run."""
    return [{"workspace": 1, "run": number, "key": key, "value": value} for key, value in texts.items()]


def rows(size: int, experiment_key: int) -> Iterator[dict[Table, list[dict[str, Any]]]]:
    """The rows of each run, by table."""
    chance = random.Random(7)  # noqa: S311  # the same runs each time
    for number in range(1, size + 1):
        made = BEGIN + number * 1_000_000
        state = chance.choices(["Completed", "Failed", "Running"], [0.9, 0.05, 0.05])[0]
        took = None if state == "Running" else chance.randrange(10**9)
        accuracy, loss = chance.random(), chance.random()
        numbers = {"acc": accuracy, "loss": loss, **{f"m{index}": chance.random() for index in range(8)}}
        texts = {
            "lr": chance.choice(["0.1", "0.01", "0.001"]), "optimizer": chance.choice(["adam", "sgd"]),
            "depth": str(chance.randrange(10)), "seed": str(number),
            **{f"p{index}": str(chance.randrange(100)) for index in range(6)},
        }  # fmt: skip
        tags = {"team": chance.choice(["a", "ab", "b", "c"]), **{f"t{index}": str(number % 50) for index in range(4)}}
        yield {
            run: [{
                "id": number, "workspace": 1, "run_id": f"run_{number}", "experiment": experiment_key,
                "number": number, "type": "azureml.scriptrun", "state": state, "display_name": f"run {number}",
                "description": "", "root": number, "created_at": made, "created_by": "b", "started_at": made,
                "ended_at": None if took is None else made + took, "duration": took, "target": "local",
                "warnings": [], "attempt": 1, "interactive": True, "definition": {"text": "x" * 600},
            }],
            metric: [
                {"id": number * 10 + index, "workspace": 1, "run": number, "name": name, "kind": "scalar",
                 "description": "", "count": 1, "last_number": value, "minimum": value, "maximum": value,
                 "last_sequence": 1, "last_step": 0, "last_time": made}
                for index, (name, value) in enumerate(numbers.items())
            ],
            point: [
                {"workspace": 1, "metric": number * 10 + index, "sequence": 1, "step": 0, "time": made, "form": 0,
                 "number": value}
                for index, value in enumerate(numbers.values())
            ],
            parameter.table: texts_of(number, texts),
            tag.table: texts_of(number, tags),
            property_.table: texts_of(number, {"azureml.git.branch": "main"}),
        }  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(not main())
