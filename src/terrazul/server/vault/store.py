"""The rows of sealed values, and of the master key that counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Integer,
    LargeBinary,
    Row,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
)

from terrazul.core.clock import to_text
from terrazul.server.sql.metadata import metadata
from terrazul.server.workspace.store import workspace
from terrazul.wire.vault import Secret

sealed = Table(
    "sealed_value",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace", ForeignKey("workspace.id"), nullable=False),
    Column("owner", String(32), nullable=False),
    Column("name", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("master_key", String(16), nullable=False, index=True),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("updated_by", Text, nullable=False),
    UniqueConstraint("workspace", "owner", "name"),
)
"""``owner`` is the concept that a value belongs to; ``name`` is unique in it, and ``label`` how people wrote it."""

master_key = Table(
    "master_key",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key_id", String(16), nullable=False),
)
"""One row: the id of the master key under which values are sealed. The key itself is nowhere in the database."""

_ONLY = 1


class Place(NamedTuple):
    """Where a value belongs; ``workspace`` is the key of its row."""

    workspace: int
    owner: str
    name: str


class SealedRow(NamedTuple):
    """A sealed value with what it is bound to."""

    key: int
    about: bytes
    master_key: str
    wrapped_key: bytes
    content: bytes


_COLUMNS = (sealed.c.id, workspace.c.workspace_id, sealed.c.owner, sealed.c.name)
_SEALED: Select[Any] = select(*_COLUMNS, sealed.c.master_key, sealed.c.wrapped_key, sealed.c.content).join(
    workspace, workspace.c.id == sealed.c.workspace
)


def about(connection: Connection, place: Place) -> bytes:
    """What a value of a place is bound to, so that it opens nowhere else."""
    query = select(workspace.c.workspace_id).where(workspace.c.id == place.workspace)
    return _about(connection.execute(query).scalar_one(), place.owner, place.name)


def put(connection: Connection, place: Place, values: dict[str, Any]) -> bool:
    """Enter a value, or change the one that is there; who made it first stays. True where it is new."""
    changed = {name: value for name, value in values.items() if name not in {"created_at", "created_by"}}
    if connection.execute(sealed.update().where(_at(place)).values(changed)).rowcount:
        return False
    connection.execute(sealed.insert().values(**place._asdict(), **values))
    return True


def find(connection: Connection, place: Place) -> SealedRow | None:
    """The value of a place."""
    row = connection.execute(_SEALED.where(_at(place))).first()
    return None if row is None else _sealed(row)


def delete(connection: Connection, place: Place) -> bool:
    """Remove a value; False where there was none."""
    return connection.execute(sealed.delete().where(_at(place))).rowcount > 0


def delete_below(connection: Connection, place: Place) -> None:
    """Remove all values of an owner whose names begin with the place's and a slash."""
    begins = sealed.c.name.startswith(f"{place.name}/", autoescape=True)
    of_owner = (sealed.c.workspace == place.workspace) & (sealed.c.owner == place.owner)
    connection.execute(sealed.delete().where(of_owner & begins))


def list_all(connection: Connection, workspace_key: int, owner: str) -> list[Secret]:
    """The values of an owner, by name, without themselves."""
    query = select(sealed).where(sealed.c.workspace == workspace_key, sealed.c.owner == owner).order_by(sealed.c.name)
    return [
        Secret(
            row.label,
            row.content_type,
            to_text(row.created_at),
            row.created_by,
            to_text(row.updated_at),
            row.updated_by,
        )
        for row in connection.execute(query)
    ]


def keys_in_use(connection: Connection) -> dict[str, int]:
    """How many values are under each master key that any is under, by the key's id."""
    query = select(sealed.c.master_key, func.count()).group_by(sealed.c.master_key)
    return {row[0]: row[1] for row in connection.execute(query)}


def not_under(connection: Connection, key_id: str, after: int, limit: int) -> Iterator[SealedRow]:
    """Values that are under another master key, in the order of their own keys, beyond one of these."""
    query = _SEALED.where(sealed.c.master_key != key_id, sealed.c.id > after).order_by(sealed.c.id).limit(limit)
    return map(_sealed, connection.execute(query).all())


def rewrap(connection: Connection, row: SealedRow, values: dict[str, Any]) -> bool:
    """Put a value under another master key; False where somebody has changed it meanwhile."""
    same = (sealed.c.id == row.key) & (sealed.c.master_key == row.master_key) & (sealed.c.content == row.content)
    return connection.execute(sealed.update().where(same).values(values)).rowcount > 0


def current_key(connection: Connection) -> str:
    """The id of the master key that counts; empty for none."""
    return connection.execute(select(master_key.c.key_id).where(master_key.c.id == _ONLY)).scalar() or ""


def set_current_key(connection: Connection, key_id: str) -> None:
    """Let another master key count."""
    changed = connection.execute(master_key.update().where(master_key.c.id == _ONLY).values(key_id=key_id)).rowcount
    if not changed:
        connection.execute(master_key.insert().values(id=_ONLY, key_id=key_id))


def _at(place: Place) -> Any:
    same_owner = (sealed.c.workspace == place.workspace) & (sealed.c.owner == place.owner)
    return same_owner & (sealed.c.name == place.name)


def _about(workspace_id: str, owner: str, name: str) -> bytes:
    return msgspec.json.encode([workspace_id, owner, name])


def _sealed(row: Row[Any]) -> SealedRow:
    bound_to = _about(row.workspace_id, row.owner, row.name)
    return SealedRow(row.id, bound_to, row.master_key, row.wrapped_key, row.content)
