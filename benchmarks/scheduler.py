"""The queue with 10,000 runs that wait and 100 nodes: how soon a free node has its next run, and how soon all is told.

The nodes are simulated: what begins there ends when this program says so. ``python benchmarks/scheduler.py [runs]``.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import uvicorn
from measure import Figure, show
from sqlalchemy import Connection

from terrazul.core.clock import now
from terrazul.core.home import Home
from terrazul.core.settings import Settings
from terrazul.server.app import build
from terrazul.server.compute import store as computes
from terrazul.server.compute.service.kinds import Computes
from terrazul.server.identity.rules import Principal
from terrazul.server.queue.admission import Admission
from terrazul.server.queue.service import Dispatcher
from terrazul.server.quota.rules import Limits
from terrazul.server.run.store import run as runs
from terrazul.server.services import Services
from terrazul.server.sql.choice import choose
from terrazul.server.sql.migration import migrate
from terrazul.testing.postgresql import PostgresqlCluster
from terrazul.testing.simulated_compute import SimulatedCompute
from terrazul.wire.compute import CLUSTER, LOCAL, NewComputeTarget, NodeState
from terrazul.wire.job import Job
from terrazul.wire.run import RunState
from terrazul.wire.run_configuration import RunDefinition
from terrazul.wire.submission import RunSubmission
from terrazul.wire.workspace import NewWorkspace

RUNS = 10_000
CLUSTERS = 4
NODES = 100
USERS = 20
ROUNDS = 1_000
PAGES = 30
PAGE = 500
TOGETHER = 200
TOKEN = "t" * 43


def main() -> bool:
    """Both kinds of database."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    within = True
    for kind in ("SQLite", "PostgreSQL"):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            address = ""
            if kind == "PostgreSQL":
                cluster = PostgresqlCluster()
                stack.callback(cluster.remove)
                address = cluster.make_database()
            figures = asyncio.run(Measurement(folder / "home", address, count).figures())
        within &= show(f"The queue, {count:,} runs of {USERS} users and {NODES} nodes, {kind}", figures)
    return within


@dataclass
class Begun:
    """When a runner began, and of which run."""

    job: Job
    at: float


class Measurement:
    """One server inside this process."""

    def __init__(self, folder: Path, address: str, count: int) -> None:
        home = Home(str(folder))
        home.path.mkdir(parents=True)
        kind = choose(address, home.database_file)
        migrate(kind)
        self._count = count
        self._services = Services(home, Settings(), now, kind)
        self._begun: asyncio.Queue[Begun] = asyncio.Queue()
        self._compute = SimulatedCompute(self._note)
        self._workspace = 0
        self._address = ""
        kinds = Computes({LOCAL: self._compute, CLUSTER: self._compute})
        admission = Admission(Limits(), NODES)
        self._dispatcher = Dispatcher(self._services.database, admission, kinds, now)

    async def figures(self) -> list[Figure]:
        """Fill the queue, then measure."""
        self._loop = asyncio.get_running_loop()
        self._services.changes.start()
        await self._services.identities.set_owner_token(TOKEN, self._services.owner)
        submitted = await self._fill()
        self._dispatcher.start(self._services.lifecycle)
        executed = [await self._begun.get() for _ in range(NODES)]
        claims, taken = [], []
        rounds = min(ROUNDS, (self._count - NODES) // 2)
        for number in range(rounds):
            ended = executed.pop(number * 37 % NODES)
            begin = time.perf_counter()
            await self._end(ended.job)
            freed = time.perf_counter()
            following = await self._begun.get()
            claims.append((following.at - freed) * 1000)
            taken.append((following.at - begin) * 1000)
            executed.append(following)
        pages = await self._pages()
        middle = statistics.median(pages)
        await self._dispatcher.stop()
        self._services.changes.close()
        self._services.database.close()
        p50, p99 = statistics.median(claims), statistics.quantiles(claims, n=100)[98]
        return [
            Figure("a free node has its next run, p99", p99, "ms", 50.0, f"median {p50:.1f} ms, {rounds} times"),
            Figure("with the end of the run before it, p99", statistics.quantiles(taken, n=100)[98], "ms", 100.0),
            Figure(
                f"the list of those that wait, {PAGE} of them with place and reason",
                max(pages), "ms", 1000.0, f"the slowest of {PAGES}, over HTTP; median {middle:.0f} ms",
            ),
            Figure("taking a run into the queue", submitted, "ms", 20.0, f"{TOGETHER} at once"),
        ]  # fmt: skip

    def _note(self, job: Job) -> None:
        self._loop.call_soon_threadsafe(self._begun.put_nowait, Begun(job, time.perf_counter()))

    async def _fill(self) -> float:
        """Make the clusters, their nodes and the runs; returns the milliseconds of a submission."""
        services = self._services
        made = await services.workspaces.create(NewWorkspace("s", "g", "benchmark"), services.owner)
        self._workspace = (await services.workspaces.get(made.workspace_id)).key
        self._address = f"/api/v1/workspaces/{made.workspace_id}"
        for number in range(CLUSTERS):
            settings = {"max_nodes": NODES // CLUSTERS, "min_nodes": NODES // CLUSTERS}
            new = NewComputeTarget(f"cluster-{number}", settings=settings)
            await services.computes.create(self._workspace, new, services.owner)
        await services.database.write(_make_nodes)
        begin = time.perf_counter()
        for first in range(0, self._count, TOGETHER):
            together = range(first, min(first + TOGETHER, self._count))
            await asyncio.gather(*(self._submit(number) for number in together))
        return (time.perf_counter() - begin) * 1000 / self._count

    async def _submit(self, number: int) -> None:
        by = Principal(f"user-{number * 7 % USERS}", is_admin=True)
        definition = RunDefinition(command=["true"], target=f"cluster-{number % CLUSTERS}", priority=number % 3)
        await self._services.runs.submit(self._workspace, RunSubmission(str(uuid4()), "e", definition), by)

    async def _end(self, job: Job) -> None:
        def work(connection: Connection) -> None:
            row = runs.existing(connection, self._workspace, job.run_id)
            self._services.lifecycle.come_to(connection, row, RunState.COMPLETED, now(), None)

        await self._services.database.write(work)
        self._dispatcher.wake()

    async def _pages(self) -> list[float]:
        """The milliseconds that a page of the queue takes over HTTP."""
        application = build(self._services, nullcontext, TOKEN, ["127.0.0.1"])
        server = uvicorn.Server(uvicorn.Config(application, log_config=None, lifespan="off"))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            serving = asyncio.create_task(server.serve([listener]))
            try:
                return await asyncio.to_thread(self._ask_for_pages, listener.getsockname()[1])
            finally:
                server.should_exit = True
                await serving

    def _ask_for_pages(self, port: int) -> list[float]:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        taken = []
        for _ in range(PAGES):
            begin = time.perf_counter()
            path = f"{self._address}/runs?state=Queued&include=total&limit={PAGE}"
            connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
            answer = connection.getresponse()
            found: Any = json.loads(answer.read())
            taken.append((time.perf_counter() - begin) * 1000)
            told = [each for each in found["runs"] if each["queue_reason"]]  # what was claimed reports nothing here
            if answer.status != 200 or len(told) < len(found["runs"]) - NODES:
                raise SystemExit(str(found)[:1000])
        connection.close()
        return taken


def _make_nodes(connection: Connection) -> None:
    for target in computes.list_all(connection):
        numbers = range(1, NODES // CLUSTERS + 1)
        computes.add_nodes(connection, target, numbers, [str(uuid4()) for _ in numbers], now())
        for node in computes.nodes_of(connection, target.id):
            computes.move(connection, node.id, NodeState.PREPARING, NodeState.IDLE, now())


if __name__ == "__main__":
    raise SystemExit(not main())
