"""What the server removes by itself as time goes by; the services run in this process, under a clock of the test's."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from terrazul.core.errors import NotFound
from terrazul.core.home import Home
from terrazul.core.settings import Settings
from terrazul.server.activity.store import Wanted
from terrazul.server.identity.rules import Principal
from terrazul.server.services import Services
from terrazul.server.sql.choice import choose
from terrazul.server.sql.migration import migrate
from terrazul.wire.run import RunState
from terrazul.wire.workspace import NewWorkspace
from terrazul.wire.write import NewRun, StateChange, WriteBatch

OWNER = Principal("owner")
HOUR = 3600 * 1_000_000
DAY = 24 * HOUR


class Clock:
    """Goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000_000

    def __call__(self) -> int:
        return self.now


def services_in(folder: Path, database: str, clock: Clock, **settings: int) -> Services:
    home = Home(str(folder))
    kind = choose(database, home.database_file)
    migrate(kind)
    return Services(home, Settings(**settings), clock, kind)


async def with_deleted_run(services: Services) -> int:
    """A workspace with a run that is deleted softly; its key."""
    made = await services.workspaces.create(NewWorkspace("s", "g", "aging"), "owner")
    workspace = (await services.workspaces.get(made.workspace_id)).key
    ended = StateChange("old", RunState.COMPLETED, 2)
    await services.writing.apply(workspace, WriteBatch("w", 1, runs=[NewRun("old", "e", 1)], states=[ended]), OWNER)
    await services.mlflow.runs.delete(workspace, "old", OWNER)
    return workspace


async def is_gone(services: Services, workspace: int) -> bool:
    services.remover.wake()
    for _ in range(50):
        try:
            await services.runs.get(workspace, "old")
        except NotFound:
            return True
        await asyncio.sleep(0.02)
    return False


def test_what_was_deleted_softly_is_purged_by_age(tmp_path: Path, new_database: Callable[[], str]):
    async def story(days: int) -> list[bool]:
        clock = Clock()
        services = services_in(tmp_path / str(days), new_database(), clock, purge_after_days=days)
        await services.start("token")
        workspace = await with_deleted_run(services)
        seen = []
        for passed in (HOUR + 1, 3 * DAY):
            clock.now += passed
            seen.append(await is_gone(services, workspace))
        await services.stop()
        return seen

    for days in (0, 2):
        (tmp_path / str(days)).mkdir()
    assert asyncio.run(story(2)) == [False, True]
    assert asyncio.run(story(0)) == [False, False]


def test_purge_by_age_is_in_the_activity_log_of_its_workspace(tmp_path: Path, new_database: Callable[[], str]):
    async def story() -> list[tuple[str, str, str]]:
        clock = Clock()
        services = services_in(tmp_path, new_database(), clock, purge_after_days=2)
        await services.start("token")
        workspace = await with_deleted_run(services)
        clock.now += 3 * DAY
        assert await is_gone(services, workspace)
        [made] = await services.workspaces.list_all(None, None)
        wanted = Wanted(made.workspace_id, object_type="run", object_id="old")
        lines = (await services.activity.list_newest(wanted, 10, None)).lines
        await services.stop()
        return [(line.kind, line.change, line.object_id) for line in lines]

    assert asyncio.run(story())[:1] == [("server", "deleted", "old")]


def test_upload_that_nobody_finished_goes_after_a_day(tmp_path: Path, new_database: Callable[[], str]):
    data = b"never named"

    async def stream() -> AsyncIterator[bytes]:
        yield data

    async def story() -> list[int]:
        clock = Clock()
        services = services_in(tmp_path, new_database(), clock)
        await services.start("token")
        made = await services.workspaces.create(NewWorkspace("s", "g", "aging"), "owner")
        workspace = (await services.workspaces.get(made.workspace_id)).key
        await services.contents.receive(workspace, hashlib.sha256(data).hexdigest(), stream())
        seen = []
        for passed in (DAY - 1, 1 + HOUR):
            clock.now += passed
            services.remover.wake()
            await asyncio.sleep(0.5)
            seen.append(len([each for each in (tmp_path / "blobs").rglob("*") if each.is_file()]))
        await services.stop()
        return seen

    assert asyncio.run(story()) == [1, 0]
