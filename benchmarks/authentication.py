"""What it costs to find out who calls and what they may, and how soon a right that was taken away is gone."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from litestar.handlers.base import BaseRouteHandler
from measure import Figure, show

from terrazul.core.clock import now
from terrazul.core.home import Home
from terrazul.core.settings import Settings
from terrazul.server import app, http
from terrazul.server.activity.service.act import ACT
from terrazul.server.identity.rules import Principal
from terrazul.server.observation import Figures
from terrazul.server.recording import Recording
from terrazul.server.services import Services
from terrazul.server.sql.choice import choose
from terrazul.server.sql.migration import migrate
from terrazul.testing.crew import Client, connected_to, members
from terrazul.testing.postgresql import PostgresqlCluster
from terrazul.testing.server import RunningServer
from terrazul.wire.identity import NewToken, NewUser
from terrazul.wire.workspace import Member, NewWorkspace

Guard = Callable[[http.Connection, BaseRouteHandler], Awaitable[None]]
GUARDED = 20_000
REQUESTS = 150
ROUNDS = 20
OWNERS = "t" * 43
POINTS = [{"run_id": "r", "name": "loss", "value": 0.5, "time": 1, "step": step} for step in range(20)]


def main() -> bool:
    """Both measurements."""
    with tempfile.TemporaryDirectory() as folder:
        costs = asyncio.run(_costs(Path(folder) / "costs"))
        own, other = _milliseconds_that_a_deleted_token_lasts(Path(folder) / "team")
    beside = f"with it {costs['with']:.3f} ms a request, without it {costs['without']:.3f} ms"
    return show(
        "Who calls, and what they may, on the route of logging",
        [
            Figure("CPU a request, an administrator's token", costs["owner"], "ms", 0.1, f"{GUARDED} times"),
            Figure("CPU a request, a member's token", costs["member"], "ms", 0.1),
            Figure("CPU a request, a run's token", costs["run"], "ms", 0.1),
            Figure(
                "CPU of a batch of 20 metrics that is sent again: with it, less without it",
                costs["with"] - costs["without"],
                "ms",
                0.1,
                beside,
            ),
            Figure("a deleted token opens the process that deleted it for", own, "ms", 1000),
            Figure("a deleted token opens another process for", other, "ms", 1000),
        ],
    )


async def _costs(folder: Path) -> dict[str, float]:
    home = Home(str(folder))
    home.path.mkdir()
    kind = choose("", home.database_file)
    migrate(kind)
    services = Services(home, Settings(), now, kind)
    await services.identities.set_owner_token(OWNERS, services.owner)
    owner = Principal(services.owner, is_admin=True)
    made = await services.workspaces.create(NewWorkspace("s", "g", "benchmark"), owner.name)
    workspace = await services.workspaces.get(made.workspace_id)
    await services.users.create(NewUser("ana"), owner)
    await services.sharing.share(workspace, Member("Data Scientist", "ana"), owner)
    member = (await services.users.make_token(NewToken(user="ana"), owner)).token
    run = await services.database.write(
        lambda connection: services.identities.make_run_token(connection, "r", workspace.key, made.workspace_id, "r")
    )
    route = f"/api/v1/workspaces/{made.workspace_id}/writes"
    tokens = {"owner": OWNERS, "member": member, "run": run}
    costs = {name: await _cost_of_the_guard(services, route, token) for name, token in tokens.items()}
    costs |= await _cost_of_a_route(services, route, owner)
    services.database.close()
    return costs


async def _cost_of_the_guard(services: Services, route: str, token: str) -> float:
    """The CPU milliseconds of one passage, within a request, look-ups of who it is once a second included."""
    taken: list[float] = []

    async def again_and_again(connection: http.Connection, handler: BaseRouteHandler) -> None:
        begin = time.process_time()
        for _ in range(GUARDED):
            await http.guard(connection, handler)
        taken.append((time.process_time() - begin) / GUARDED * 1000)

    application = _application(services, again_and_again)
    await _send(application, route, token, {"writer": "nobody", "sequence": 9})
    return taken[0]


async def _cost_of_a_route(services: Services, route: str, owner: Principal) -> dict[str, float]:
    """The CPU milliseconds of a batch, with and without the guard, in turns: the least of all rounds."""

    async def admit(connection: http.Connection, handler: BaseRouteHandler) -> None:
        act = connection.scope["state"][ACT]
        act.action, act.parameters, act.principal = handler.opt.get("action"), connection.path_params, owner
        connection.scope["state"]["principal"] = owner

    applications = {"with": _application(services, http.guard), "without": _application(services, admit)}
    new = {"run_id": "r", "experiment_name": "e", "time": 1}
    batch = {"writer": "w", "sequence": 1, "runs": [new], "metrics": POINTS}
    taken: dict[str, list[float]] = {"with": [], "without": []}
    for number in range(ROUNDS):
        for name in ("with", "without") if number % 2 else ("without", "with"):
            begin = time.process_time()
            for _ in range(REQUESTS):
                await _send(applications[name], route, OWNERS, batch)  # counts once, and makes the database no larger
            taken[name].append((time.process_time() - begin) / REQUESTS * 1000)
    return {name: min(each) for name, each in taken.items()}


def _application(services: Services, guard: Guard) -> Recording:
    whole, app.guard = app.guard, guard  # type: ignore[assignment]  # the one place where the routes get it
    try:
        return Recording(app.application_of(services, Figures(services.database)), services.activity)
    finally:
        app.guard = whole


async def _send(application: Recording, route: str, token: str, body: dict[str, Any]) -> int:
    """Make a request without a network; returns its status."""
    data = json.dumps(body).encode()
    headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {token}".encode())]
    headers += [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": route,
        "raw_path": route.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "state": {"correlation_id": "c"},
        "extensions": {},
    }
    statuses: list[int] = []
    parts = [{"type": "http.request", "body": data, "more_body": False}]

    async def receive() -> Any:
        return parts.pop() if parts else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await application(scope, receive, send)
    return statuses[0]


def _milliseconds_that_a_deleted_token_lasts(folder: Path) -> tuple[float, float]:
    """After it was deleted by one process: there, and in another one; the longest of some tries."""
    cluster = PostgresqlCluster()
    server = RunningServer(folder, "--processes", "2", database=cluster.make_database())
    server.start()
    try:
        server.call("POST", "/api/v1/users", {"name": "ana"})
        first, second = members(server)
        with connected_to(server, first) as one, connected_to(server, second) as other:
            tries = [_lasts(server, one, other) for _ in range(3)]
    finally:
        server.stop()
        cluster.remove()
    return max(each[0] for each in tries), max(each[1] for each in tries)


def _lasts(server: RunningServer, one: Client, other: Client) -> tuple[float, float]:
    made = server.call("POST", "/api/v1/tokens", {"user": "ana"})
    last = dict.fromkeys((one, other), 0.0)
    for each in last:
        each.ask("GET", "/api/v1/me", token=made["token"])
    one.ask("DELETE", f"/api/v1/tokens/{made['about']['token_id']}", token=server.token)
    deleted = time.perf_counter()
    opens = {one, other}
    while opens:
        for each in tuple(opens):
            begin = time.perf_counter()
            if each.ask("GET", "/api/v1/me", token=made["token"]).status == 200:
                last[each] = begin - deleted
            else:
                opens.remove(each)
    return last[one] * 1000, last[other] * 1000


if __name__ == "__main__":
    raise SystemExit(not main())
