"""Which contents are held, and where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    Text,
    bindparam,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects.sqlite import insert

from terrazul.core.errors import NotFound
from terrazul.server.sql.among import among
from terrazul.server.sql.metadata import metadata
from terrazul.server.sql.statement import Statement
from terrazul.server.sql.variables import in_groups

_released_at = Column("released_at", BigInteger, nullable=True)

content = Table(
    "content",
    metadata,
    Column("workspace", Integer, primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("key", String(128), nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("arrived_at", BigInteger, nullable=True),
    Column("asked_at", BigInteger, nullable=True),
    _released_at,
    Index("ix_content_object", "workspace", "key"),
    Index(
        "ix_content_released",
        "workspace",
        sqlite_where=_released_at.is_not(None),
        postgresql_where=_released_at.is_not(None),
    ),
    sqlite_with_rowid=False,
)
"""``asked_at`` is when a client was last told that the bytes are held, so that it names them without sending them;
``released_at`` is set when something that named them has gone, until it is found out whether anything else does."""

content_total = Table(
    "content_total",
    metadata,
    Column("workspace", Integer, primary_key=True, autoincrement=False),
    Column("bytes", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""The size of all contents of a workspace, kept beside them so that a quota is asked in no time."""

sent_content = Table(
    "sent_content",
    metadata,
    Column("workspace", Integer, primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("user", Integer, primary_key=True, index=True),
    sqlite_with_rowid=False,
)
"""Who has sent a content, of those users who see a part of the workspace only: they name what they have sent."""

dead_object = Table(
    "dead_object",
    metadata,
    Column("key", String(128), primary_key=True),
    Column("workspace", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""An object of the storage at which nothing points (any more, or yet): it is to be removed."""


small_content = Table(
    "small_content",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("data", LargeBinary, nullable=False),
)
"""The bytes of small contents, in the order in which they came; a number may be given again once its row is gone."""

content_place = Table(
    "content_place",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("place", Text, nullable=False),
)
"""The storage whose objects these are, as the setting names it: one row, once there was one."""

_SMALL = "/small"
"""How the key of contents ends that lie in the database; their offset is the number of their row."""
_ROWS = f"%{_SMALL}"
_NONE = 0
"""The key of no workspace."""


class Content(NamedTuple):
    """Where the bytes of a digest lie: a part of the object under ``key``, or a row of ``small_content``."""

    digest: str
    size: int
    key: str
    offset: int

    @property
    def is_alone(self) -> bool:
        """Whether they are an object of their own, and no part of a pack."""
        return self.key.split("/")[1:2] == ["contents"]

    @property
    def is_small(self) -> bool:
        """Whether they lie in the database."""
        return self.key.endswith(_SMALL)


def _insert_content() -> Statement:
    new = insert(content)
    again = new.on_conflict_do_update(
        index_elements=["workspace", "digest"], set_={"asked_at": new.excluded.arrived_at}
    )
    return Statement(again, "workspace", "digest", "size", "key", "offset", "arrived_at")


def _grow_total() -> Statement:
    new = insert(content_total)
    grown = {"bytes": content_total.c.bytes + new.excluded.bytes}
    return Statement(new.on_conflict_do_update(index_elements=["workspace"], set_=grown), "workspace", "bytes")


_NAMED = (content.c.workspace == bindparam("in_workspace")) & among(content.c.digest, "digests")
_ADD, _GROW = _insert_content(), _grow_total()
_ADD_SMALL = Statement(insert(small_content), "workspace", "digest", "data")
_FIND_SMALL = Statement(
    select(small_content.c.data).where(
        small_content.c.id == bindparam("of_id"), small_content.c.digest == bindparam("of_digest")
    )
)
_HELD = Statement(select(content.c.digest, content.c.asked_at).where(_NAMED))
_FIND = Statement(select(content.c.digest, content.c.size, content.c.key, content.c.offset).where(_NAMED))
_RELEASE = Statement(content.update().where(_NAMED).values(released_at=bindparam("at")))
_TOTAL = Statement(select(content_total.c.bytes).where(content_total.c.workspace == bindparam("in_workspace")))


def add(connection: Connection, workspace: int, contents: Sequence[Content], now: int, fresh: int) -> None:
    """Remember where contents lie; what is known already keeps its place, and is kept for who sent it again.

    ``fresh`` is their size as ``size_of_fresh`` gives it.
    """
    _count(connection, workspace, fresh)
    _ADD.run(connection, *[{"workspace": workspace, "arrived_at": now, **each._asdict()} for each in contents])


def add_small(connection: Connection, workspace: int, digest: str, data: bytes, now: int) -> Content:
    """Keep a content that is not held yet in the database itself; returns where it lies."""
    place = _ADD_SMALL.insert(connection, {"workspace": workspace, "digest": digest, "data": data})
    added = Content(digest, len(data), f"{workspace}{_SMALL}", place)
    add(connection, workspace, [added], now, len(data))
    return added


def small(connection: Connection, place: Content) -> bytes | None:
    """The bytes of a content that lies in the database; None where it does not lie there any more."""
    row = _FIND_SMALL.first(connection, {"of_id": place.offset, "of_digest": place.digest})
    return None if row is None else bytes(row[0])


def size_of_fresh(connection: Connection, workspace: int, contents: Iterable[Content]) -> int:
    """The bytes of those contents that are not held yet, each counted once."""
    sizes = {each.digest: each.size for each in contents}
    held = held_since(connection, workspace, sizes)
    return sum(size for digest, size in sizes.items() if digest not in held)


def _count(connection: Connection, workspace: int, change: int) -> None:
    if change:
        _GROW.run(connection, {"workspace": workspace, "bytes": change})


def held_since(connection: Connection, workspace: int, digests: Iterable[str]) -> dict[str, int | None]:
    """Those of the digests that are held, and when a client was last told so."""
    rows = _HELD.all(connection, {"in_workspace": workspace, "digests": list(digests)})
    return {row[0]: row[1] for row in rows}


def keep(connection: Connection, workspace: int, digests: Iterable[str], now: int) -> list[str]:
    """Keep contents for a client that is told that they are held; returns those that are."""
    held: list[str] = []
    for group in in_groups(digests):
        named = (content.c.workspace == workspace) & content.c.digest.in_(group)
        connection.execute(content.update().where(named).values(asked_at=now))
        held += connection.execute(select(content.c.digest).where(named)).scalars()
    return held


def note_sent(connection: Connection, workspace: int, user: int, digests: Iterable[str]) -> None:
    """Remember that a user has sent contents."""
    rows = [{"workspace": workspace, "digest": digest, "user": user} for digest in dict.fromkeys(digests)]
    if rows:
        connection.execute(insert(sent_content).on_conflict_do_nothing(), rows)


def sent_by(connection: Connection, workspace: int, user: int, digests: Iterable[str]) -> set[str]:
    """Those of the contents that a user has sent."""
    query = select(sent_content.c.digest).where(sent_content.c.workspace == workspace, sent_content.c.user == user)
    return {
        digest
        for group in in_groups(digests)
        for digest in connection.execute(query.where(sent_content.c.digest.in_(group))).scalars()
    }


def check_sent(connection: Connection, workspace: int, user: int, digests: Iterable[str]) -> None:
    """Raise ``NotFound`` for a content that a user has not sent."""
    asked = list(digests)
    sent = sent_by(connection, workspace, user, asked)
    for digest in asked:
        if digest not in sent:
            raise not_held(digest)


def not_held(digest: str) -> NotFound:
    """What is said of a content whose bytes have not arrived, or not from the caller."""
    return NotFound(f"The content {digest[:12]}… is not held.", target=digest, hint="Send its bytes first.")


def forget_sender(connection: Connection, user: int) -> None:
    """Forget what a user has sent; the contents stay."""
    connection.execute(sent_content.delete().where(sent_content.c.user == user))


def release(connection: Connection, workspace: int, digests: Iterable[str], now: int) -> None:
    """Note that something which named these contents has gone: they are looked at by the next collection."""
    named = list(digests)
    if named:
        _RELEASE.run(connection, {"in_workspace": workspace, "digests": named, "at": now})


def release_named_by(connection: Connection, workspace: int, digests: Select[tuple[str]], now: int) -> None:
    """As ``release``, for what a query finds."""
    connection.execute(
        content.update().where(content.c.workspace == workspace, content.c.digest.in_(digests)).values(released_at=now)
    )


def retain(connection: Connection, workspace: int, digests: Iterable[str]) -> None:
    """Note that these contents are named by something else: they stay."""
    _RELEASE.run(connection, {"in_workspace": workspace, "digests": list(digests), "at": None})


def released(connection: Connection, workspace: int, asked_before: int, limit: int) -> list[Content]:
    """Contents that something let go of, and that no client counts on."""
    return [Content(*row) for row in connection.execute(_released(workspace, asked_before).limit(limit))]


def still_released(
    connection: Connection, workspace: int, digests: Iterable[str], asked_before: int
) -> dict[str, Content]:
    """Those of the digests of which the same holds."""
    query = _released(workspace, asked_before)
    return {
        row[0]: Content(*row)
        for group in in_groups(digests)
        for row in connection.execute(query.where(content.c.digest.in_(group)))
    }


def _released(workspace: int, asked_before: int) -> Select[Any]:
    return select(content.c.digest, content.c.size, content.c.key, content.c.offset).where(
        content.c.workspace == workspace,
        content.c.released_at.is_not(None),
        or_(content.c.asked_at.is_(None), content.c.asked_at < asked_before),
    )


def workspaces_with_released(connection: Connection) -> list[int]:
    """The workspaces in which contents wait for a collection."""
    query = select(content.c.workspace).where(content.c.released_at.is_not(None)).distinct()
    return list(connection.execute(query).scalars())


def unnamed_since(connection: Connection, workspace: int, arrived_before: int, after: str, limit: int) -> list[str]:
    """Digests, in order, of contents that arrived long ago and that nothing has let go of yet."""
    query = select(content.c.digest).where(
        content.c.workspace == workspace,
        content.c.digest > after,
        content.c.released_at.is_(None),
        or_(content.c.arrived_at.is_(None), content.c.arrived_at < arrived_before),
    )
    return list(connection.execute(query.order_by(content.c.digest).limit(limit)).scalars())


def remove(connection: Connection, workspace: int, contents: Sequence[Content]) -> list[str]:
    """Forget contents. Objects in which none is left are dead then; returns the others, which have dead parts.

    The bytes of those that lie in the database go with it.
    """
    _count(connection, workspace, -sum(each.size for each in contents))
    for group in in_groups(each.digest for each in contents):
        for table in (content, sent_content):
            connection.execute(table.delete().where(table.c.workspace == workspace, table.c.digest.in_(group)))
    for numbers in in_groups(each.offset for each in contents if each.is_small):
        rows = (small_content.c.workspace == workspace) & small_content.c.id.in_(numbers)
        connection.execute(small_content.delete().where(rows))
    keys = list(dict.fromkeys(each.key for each in contents if not each.is_small))
    alive: set[str] = set()
    for group in in_groups(keys):
        query = select(content.c.key).where(content.c.workspace == workspace, content.c.key.in_(group)).distinct()
        alive.update(connection.execute(query).scalars())
    bury(connection, workspace, [key for key in keys if key not in alive])
    return [key for key in keys if key in alive]


def parts_of(connection: Connection, workspace: int, key: str) -> list[Content]:
    """The contents that lie in an object, in its order."""
    query = select(content.c.digest, content.c.size, content.c.key, content.c.offset)
    query = query.where(content.c.workspace == workspace, content.c.key == key)
    return [Content(*row) for row in connection.execute(query.order_by(content.c.offset))]


def move(connection: Connection, workspace: int, parts: Sequence[Content], old: str) -> None:
    """Let contents lie in the object that was made of them; the old one is dead."""
    for part in parts:
        there = (content.c.workspace == workspace) & (content.c.digest == part.digest) & (content.c.key == old)
        connection.execute(content.update().where(there).values(key=part.key, offset=part.offset))
    connection.execute(dead_object.delete().where(dead_object.c.key.in_({part.key for part in parts})))
    if not parts_of(connection, workspace, old):
        bury(connection, workspace, [old])


def bury(connection: Connection, workspace: int, keys: Iterable[str]) -> None:
    """Note objects that are to be removed from the storage."""
    rows = [{"workspace": workspace, "key": key} for key in keys]
    if rows:
        connection.execute(insert(dead_object).on_conflict_do_nothing(), rows)


def bury_all(connection: Connection, workspace: int) -> None:
    """Note that all objects of a workspace are to be removed; the notes stay when its rows go."""
    its = select(content.c.key, literal(_NONE)).where(content.c.workspace == workspace, content.c.key.not_like(_ROWS))
    new = insert(dead_object).from_select(["key", "workspace"], its.distinct())
    connection.execute(new.on_conflict_do_nothing())
    connection.execute(dead_object.update().where(dead_object.c.workspace == workspace).values(workspace=_NONE))


def dead(connection: Connection, limit: int) -> list[str]:
    """Objects that are to be removed from the storage."""
    return list(connection.execute(select(dead_object.c.key).limit(limit)).scalars())


def forget_dead(connection: Connection, keys: Iterable[str]) -> None:
    """Note that objects have been removed."""
    for group in in_groups(keys):
        connection.execute(dead_object.delete().where(dead_object.c.key.in_(group)))


def place(connection: Connection) -> str:
    """The storage in which the objects are, as ``set_place`` noted it; empty where nothing was noted."""
    return connection.execute(select(content_place.c.place)).scalar() or ""


def set_place(connection: Connection, name: str) -> None:
    """Note the storage in which the objects are."""
    connection.execute(content_place.delete())
    connection.execute(content_place.insert().values(id=1, place=name))


def has_objects(connection: Connection) -> bool:
    """Whether any content lies in the storage."""
    query = select(content.c.digest).where(content.c.key.not_like(_ROWS)).limit(1)
    return connection.execute(query).first() is not None


def find(connection: Connection, workspace: int, digests: Iterable[str]) -> dict[str, Content]:
    """The contents that are held, by digest."""
    rows = _FIND.all(connection, {"in_workspace": workspace, "digests": list(digests)})
    return {row[0]: Content(*row) for row in rows}


def sizes(connection: Connection) -> dict[int, int]:
    """The bytes of all contents, by workspace."""
    query = select(content_total.c.workspace, content_total.c.bytes)
    return {row[0]: row[1] for row in connection.execute(query)}


def size_of(connection: Connection, workspace: int) -> int:
    """The bytes of all contents of a workspace."""
    row = _TOTAL.first(connection, {"in_workspace": workspace})
    return row[0] if row else 0


def total_size(connection: Connection) -> int:
    """The bytes of all contents of all workspaces."""
    return sum(sizes(connection).values())
