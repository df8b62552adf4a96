"""Parts that clients may put into the storage by themselves."""

import asyncio
from functools import partial
from pathlib import Path

from terrazul.server.blobs import expected, store
from terrazul.server.blobs.expected import Expected
from terrazul.server.blobs.kinds.local import LocalStorage
from terrazul.server.blobs.parts import Parts
from terrazul.server.blobs.service import Contents
from terrazul.server.sql.database import Database
from terrazul.server.sql.kinds.sqlite import SqliteDatabase
from terrazul.server.sql.migration import migrate

HOUR = 3600 * 1_000_000
YOUNG = Expected("1/arriving/young", "u", 0)


def test_what_nobody_can_put_any_more_is_removed(tmp_path: Path):
    kind = SqliteDatabase(tmp_path / "terrazul.db")
    migrate(kind)
    database, storage = Database(kind), LocalStorage(tmp_path / "blobs")
    now = 10 * HOUR
    contents = Contents(database, storage, lambda: now, lambda *_: None)
    parts = Parts(database, contents, storage, lambda: now)

    async def work() -> tuple[list[Expected], list[str]]:
        old = [Expected(f"1/arriving/{number}", "u", number) for number in range(119)]
        await database.write(partial(expected.add, workspace=1, objects=old, user=None, now=now - HOUR - 1))
        await database.write(partial(expected.add, workspace=1, objects=[YOUNG], user=None, now=now - HOUR))
        await parts.forget_old()
        left = await database.read(partial(expected.find, workspace=1, uploads=["u"]))
        dead = await database.read(partial(store.dead, limit=1000))
        database.close()
        return left, dead

    left, dead = asyncio.run(work())
    assert left == [YOUNG]
    assert len(dead) == 119


def test_who_sees_a_part_of_a_workspace_finds_their_own_only(tmp_path: Path):
    kind = SqliteDatabase(tmp_path / "terrazul.db")
    migrate(kind)
    with kind.engine().begin() as connection:
        for user in (None, 7):
            expected.add(connection, 1, [Expected(f"1/arriving/{user}", "u", 0)], user, 5)
        assert [each.key for each in expected.find(connection, 1, ["u"])] == ["1/arriving/None"]
        assert [each.key for each in expected.find(connection, 1, ["u"], 7)] == ["1/arriving/7"]
        assert expected.find(connection, 2, ["u"]) == []
        expected.leave_behind(connection, 1)
        assert expected.find(connection, 1, ["u"]) == []
        assert len(expected.asked_before(connection, 6, 10)) == 2
