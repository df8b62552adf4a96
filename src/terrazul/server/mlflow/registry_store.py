"""What MLflow's face keeps of registered models besides their rows: descriptions, tags, aliases, stages, sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, Integer, Select, String, Table, Text, func, select
from sqlalchemy.dialects.sqlite import insert

from terrazul.server.model.store import model, model_file, property_, registered_model, tag
from terrazul.server.sql.metadata import metadata
from terrazul.server.sql.named_texts import NamedTexts
from terrazul.server.sql.variables import in_groups
from terrazul.server.sql.witness import made
from terrazul.wire.model import ModelFile

detail = Table(
    "registered_model_detail",
    metadata,
    Column("workspace", Integer, nullable=False),
    Column("registered_model", ForeignKey("registered_model.id"), primary_key=True),
    Column("description", Text, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""A description, for a name that MLflow made or changed."""

name_tag = NamedTexts("registered_model_tag", "registered_model")

alias = Table(
    "model_alias",
    metadata,
    Column("workspace", Integer, nullable=False),
    Column("registered_model", ForeignKey("registered_model.id"), primary_key=True),
    Column("alias", String(255), primary_key=True),
    Column("version", Integer, nullable=False),
    sqlite_with_rowid=False,
)

origin = Table(
    "model_origin",
    metadata,
    Column("workspace", Integer, nullable=False),
    Column("registered_model", ForeignKey("registered_model.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("stage", String(16), nullable=False),
    Column("source", Text, nullable=False),
    Column("run_link", Text, nullable=False),
    Column("model_id", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""What MLflow was told of a version, and its stage; a version that it has not touched has no row."""

NO_STAGE = "None"


class NameRow(NamedTuple):
    """A registered model."""

    key: int
    name: str
    created_at: int
    description: str
    updated_at: int


class VersionRow(NamedTuple):
    """A version of a registered model."""

    key: int
    registered_model: int
    name: str
    version: int
    description: str
    run_id: str | None
    mlflow: dict[str, Any] | None
    created_at: int
    created_by: str
    modified_at: int
    stage: str
    source: str
    run_link: str
    model_id: str


NAME_SOURCE = registered_model.outerjoin(detail, detail.c.registered_model == registered_model.c.id)
VERSION_SOURCE = model.join(registered_model, registered_model.c.id == model.c.registered_model).outerjoin(
    origin, (origin.c.registered_model == model.c.registered_model) & (origin.c.version == model.c.version)
)
_NAMES: Select[Any] = (
    select(
        registered_model.c.id, registered_model.c.name, registered_model.c.created_at, detail.c.description,
        detail.c.updated_at,
    )
    .select_from(NAME_SOURCE)
)  # fmt: skip
_VERSIONS: Select[Any] = (
    select(
        model.c.id, model.c.registered_model, registered_model.c.name, model.c.version, model.c.description,
        model.c.run_id, model.c.mlflow, model.c.created_at, model.c.created_by, model.c.modified_at, origin.c.stage,
        origin.c.source, origin.c.run_link, origin.c.model_id,
    )
    .select_from(VERSION_SOURCE)
)  # fmt: skip


_NEWEST: Select[Any] = (
    select(func.max(model.c.id)).select_from(VERSION_SOURCE).group_by(model.c.registered_model, origin.c.stage)
)


def names_of(connection: Connection, keys: Sequence[int]) -> list[NameRow]:
    """The registered models of keys, in this order."""
    found = {
        row[0]: _name(row)
        for group in in_groups(keys)
        for row in connection.execute(_NAMES.where(registered_model.c.id.in_(group)))
    }
    return [found[key] for key in keys]


def versions_of(connection: Connection, keys: Sequence[int]) -> list[VersionRow]:
    """The versions of keys, in this order."""
    found = {
        row[0]: _version(row)
        for group in in_groups(keys)
        for row in connection.execute(_VERSIONS.where(model.c.id.in_(group)))
    }
    return [found[key] for key in keys]


def newest_of_stages(connection: Connection, keys: Sequence[int]) -> list[VersionRow]:
    """Of each registered model and each stage the newest version, the newest first."""
    of_stages = [
        row[0]
        for group in in_groups(keys)
        for row in connection.execute(_NEWEST.where(model.c.registered_model.in_(group)))
    ]
    return versions_of(connection, sorted(of_stages, reverse=True))


def find_name(connection: Connection, workspace: int, name: str) -> NameRow | None:
    """The registered model of a name."""
    of_name = _NAMES.where(registered_model.c.workspace == workspace, registered_model.c.name == name)
    row = connection.execute(of_name).first()
    return None if row is None else _name(row)


def add_name(connection: Connection, workspace: int, name: str, now: int, user: str) -> None:
    """Enter a name that has no versions yet."""
    values = {"workspace": workspace, "name": name, "last_version": 0, "created_at": now, "created_by": user}
    connection.execute(registered_model.insert().values(**values))
    made(connection, "model", name)


def describe(connection: Connection, workspace: int, key: int, description: str, now: int) -> None:
    """Set the description of a name."""
    values = {"description": description, "updated_at": now}
    statement = insert(detail).values(workspace=workspace, registered_model=key, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["registered_model"], set_=values))


def set_back(connection: Connection, key: int, created_at: int, last_version: int) -> None:
    """Let a name be as old as this at least, and its versions be counted on from this one at least."""
    of_key = registered_model.update().where(registered_model.c.id == key)
    connection.execute(of_key.where(registered_model.c.created_at > created_at).values(created_at=created_at))
    connection.execute(of_key.where(registered_model.c.last_version < last_version).values(last_version=last_version))


def rename(connection: Connection, key: int, name: str) -> None:
    """Give a registered model another name."""
    connection.execute(registered_model.update().where(registered_model.c.id == key).values(name=name))


def delete_name(connection: Connection, key: int) -> None:
    """Remove a name that has no versions (any more)."""
    name_tag.remove_all(connection, key)
    for table in (detail, alias, origin):
        connection.execute(table.delete().where(table.c.registered_model == key))
    connection.execute(registered_model.delete().where(registered_model.c.id == key))


def versions(connection: Connection, workspace: int, name: str) -> list[VersionRow]:
    """The versions of a name, the newest first."""
    query = _VERSIONS.where(model.c.workspace == workspace, registered_model.c.name == name)
    query = query.order_by(model.c.id.desc())
    return [_version(row) for row in connection.execute(query)]


def find_version(connection: Connection, workspace: int, name: str, version: int) -> VersionRow | None:
    """A version of a name."""
    query = _VERSIONS.where(model.c.workspace == workspace, registered_model.c.name == name, model.c.version == version)
    row = connection.execute(query).first()
    return None if row is None else _version(row)


def set_origin(connection: Connection, workspace: int, key: int, version: int, values: dict[str, str]) -> None:
    """Note what MLflow was told of a version, or its stage."""
    whole = {"stage": NO_STAGE, "source": "", "run_link": "", "model_id": "", **values}
    statement = insert(origin).values(workspace=workspace, registered_model=key, version=version, **whole)
    connection.execute(statement.on_conflict_do_update(index_elements=["registered_model", "version"], set_=values))


def set_alias(connection: Connection, workspace: int, key: int, name: str, version: int) -> None:
    """Let an alias stand for a version."""
    statement = insert(alias).values(workspace=workspace, registered_model=key, alias=name, version=version)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["registered_model", "alias"], set_={"version": version})
    )


def remove_alias(connection: Connection, key: int, name: str) -> bool:
    """Remove an alias; False where it is not there."""
    of_name = (alias.c.registered_model == key) & (alias.c.alias == name)
    return connection.execute(alias.delete().where(of_name)).rowcount > 0


def forget_version(connection: Connection, key: int, version: int) -> None:
    """Remove the aliases of a version that goes, and what was told of it."""
    for table in (alias, origin):
        connection.execute(table.delete().where(table.c.registered_model == key, table.c.version == version))


def aliases(connection: Connection, keys: Sequence[int]) -> dict[int, dict[str, int]]:
    """The aliases of registered models with their versions, by model."""
    found: dict[int, dict[str, int]] = {}
    columns = select(alias.c.registered_model, alias.c.alias, alias.c.version).order_by(alias.c.alias)
    for group in in_groups(keys):
        for row in connection.execute(columns.where(alias.c.registered_model.in_(group))):
            found.setdefault(row[0], {})[row[1]] = row[2]
    return found


def tags_of_versions(connection: Connection, keys: Sequence[int]) -> dict[int, dict[str, str]]:
    """The tags of versions, their properties among them, by version."""
    found = property_.of(connection, keys)
    for key, texts in tag.of(connection, keys).items():
        found[key] = {**found.get(key, {}), **texts}
    return found


def files_of(connection: Connection, key: int) -> list[ModelFile]:
    """The files of a version."""
    query = select(model_file.c.path, model_file.c.digest, model_file.c.size).where(model_file.c.model == key)
    return [ModelFile(*row) for row in connection.execute(query.order_by(model_file.c.path))]


def _name(row: Any) -> NameRow:
    return NameRow(row[0], row[1], row[2], row[3] or "", row[4] or row[2])


def _version(row: Any) -> VersionRow:
    known = VersionRow(*row)
    return known._replace(
        stage=known.stage or NO_STAGE,
        source=known.source or "",
        run_link=known.run_link or "",
        model_id=known.model_id or "",
    )
