"""Two servers that both believe to lead claim each run once."""

import asyncio
from pathlib import Path

from terrazul.core.clock import now
from terrazul.core.home import Home
from terrazul.core.settings import Settings
from terrazul.server.compute.service.kinds import Computes
from terrazul.server.identity.rules import Principal
from terrazul.server.queue.admission import Admission
from terrazul.server.queue.service import Dispatcher
from terrazul.server.quota.rules import Limits
from terrazul.server.services import Services
from terrazul.server.sql.choice import choose
from terrazul.server.sql.migration import migrate
from terrazul.testing.postgresql import PostgresqlCluster
from terrazul.testing.simulated_compute import SimulatedCompute
from terrazul.wire.compute import LOCAL
from terrazul.wire.run_configuration import RunDefinition
from terrazul.wire.submission import RunSubmission
from terrazul.wire.workspace import NewWorkspace

RUNS = 40
OWNER = Principal("owner", is_admin=True)


def test_two_dispatchers_at_once_claim_each_run_once(tmp_path: Path, postgresql: PostgresqlCluster):
    address = postgresql.make_database()
    compute = asyncio.run(_claimed_by_two(tmp_path, address))
    assert sorted(compute.placed) == sorted(f"r{number}" for number in range(RUNS))
    assert sorted(compute.launched) == sorted(compute.placed)


async def _claimed_by_two(folder: Path, address: str) -> SimulatedCompute:
    compute = SimulatedCompute()
    servers = [_server(folder / str(number), address) for number in range(2)]
    made = await servers[0].workspaces.create(NewWorkspace("s", "g", "two"), "owner")
    workspace = (await servers[0].workspaces.get(made.workspace_id)).key
    for number in range(RUNS):
        new = RunSubmission(f"r{number}", "e", RunDefinition(command=["true"]))
        await servers[number % 2].runs.submit(workspace, new, OWNER)
    dispatchers = [
        Dispatcher(each.database, Admission(Limits(), RUNS), Computes({LOCAL: compute}), now) for each in servers
    ]
    for dispatcher, server in zip(dispatchers, servers, strict=True):
        dispatcher.start(server.lifecycle)
    for _ in range(1200):
        for dispatcher in dispatchers:
            dispatcher.wake()
        await asyncio.sleep(0.05)
        if len(compute.launched) == RUNS:
            break
    for dispatcher in dispatchers:
        await dispatcher.stop()
    for each in servers:
        each.database.close()
    return compute


def _server(folder: Path, address: str) -> Services:
    home = Home(str(folder))
    home.path.mkdir(parents=True)
    kind = choose(address, home.database_file)
    migrate(kind)
    return Services(home, Settings(processes=2), now, kind)
