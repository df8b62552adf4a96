"""The rows of models, with their files, tags and properties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    cast,
    func,
    select,
    tuple_,
)
from sqlalchemy.dialects.sqlite import insert

from terrazul.core.clock import to_text
from terrazul.core.dataclass import dataclass
from terrazul.core.errors import Conflict
from terrazul.server.blobs import store as contents
from terrazul.server.lineage import store as lineage
from terrazul.server.lineage.rules import DATASET, MODEL
from terrazul.server.model.rules import DERIVED_FROM
from terrazul.server.snapshot import store as snapshots
from terrazul.server.sql.metadata import Json, metadata, primary_key
from terrazul.server.sql.named_texts import NamedTexts
from terrazul.server.sql.position import Position
from terrazul.wire.model import DatasetReference, Model, ModelFile, ResourceConfiguration

registered_model = Table(
    "registered_model",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace", ForeignKey("workspace.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("last_version", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    UniqueConstraint("workspace", "name"),
)
"""A name, with the last version that was given: one that was deleted is not given again."""

model = Table(
    "model",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace", ForeignKey("workspace.id"), nullable=False),
    Column("registered_model", ForeignKey("registered_model.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("registration_id", String(64), nullable=False),
    Column("description", Text, nullable=False),
    Column("framework", Text, nullable=False),
    Column("framework_version", Text, nullable=False),
    Column("mlflow", Json, nullable=True),
    Column("sample_input_dataset_id", Text, nullable=False),
    Column("sample_output_dataset_id", Text, nullable=False),
    Column("resource_configuration", Json, nullable=True),
    Column("datasets", Json, nullable=False),
    Column("run_id", Text, nullable=True),
    Column("experiment_name", Text, nullable=False),
    Column("snapshot_id", String(36), nullable=True),
    Column("parent_id", Text, nullable=False),
    Column("file_count", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    UniqueConstraint("registered_model", "version"),
    UniqueConstraint("workspace", "registration_id"),
    Index("ix_model_newest", "workspace", "created_at", "id"),
    Index("ix_model_of_run", "workspace", "run_id"),
)

model_file = Table(
    "model_file",
    metadata,
    Column("workspace", Integer, nullable=False),
    Column("model", ForeignKey("model.id"), primary_key=True),
    Column("path", Text, primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Index("ix_model_file_content", "workspace", "digest"),
    sqlite_with_rowid=False,
)


tag = NamedTexts("model_tag", "model")
property_ = NamedTexts("model_property", "model")


class ModelRow(NamedTuple):
    """What the service needs of a model besides what travels."""

    key: int
    registered_model: int
    name: str
    version: int
    run_id: str | None

    @property
    def id(self) -> str:
        """``name:version``."""
        return f"{self.name}:{self.version}"


_SOURCE = model.join(registered_model, registered_model.c.id == model.c.registered_model)
_ROW = select(
    model.c.id, model.c.registered_model, registered_model.c.name, model.c.version, model.c.run_id
).select_from(_SOURCE)


class NextVersion(NamedTuple):
    """The key of a name, the version that its next model gets, and whether the name is new with it."""

    name: int
    version: int
    is_new_name: bool


def next_version(
    connection: Connection, workspace: int, name: str, now: int, user: str, wanted: int | None = None
) -> NextVersion:
    """The next version of a name, which is made where it is new.

    With a wanted version it is that one. Raises ``Conflict`` where the name has passed it.
    """
    values = {"workspace": workspace, "name": name, "last_version": 0, "created_at": now, "created_by": user}
    enter = insert(registered_model).values(**values).on_conflict_do_nothing().returning(registered_model.c.id)
    is_new = connection.execute(enter).first() is not None
    of_name = (registered_model.c.workspace == workspace) & (registered_model.c.name == name)
    last = registered_model.c.last_version
    following = {"last_version": last + 1 if wanted is None else wanted}
    free = of_name if wanted is None else of_name & (last < wanted)
    is_free = connection.execute(registered_model.update().where(free).values(following)).rowcount > 0
    if not is_free:
        raise Conflict(
            f"The model {name!r} has passed the version {wanted}: it was given and deleted, or left out.",
            target=f"{name}:{wanted}",
            hint="Versions are not given twice. Delete the model with all its versions to begin anew.",
        )
    row = connection.execute(select(registered_model.c.id, last).where(of_name)).one()
    return NextVersion(row[0], row[1], is_new)


def add(connection: Connection, workspace: int, values: Mapping[str, Any], files: Sequence[ModelFile]) -> int:
    """Enter a model with its files; returns its key."""
    key = primary_key(connection.execute(model.insert().values(workspace=workspace, **values)))
    rows = [{"workspace": workspace, "model": key, **vars(file)} for file in files]
    connection.execute(model_file.insert(), rows)
    return key


def change(connection: Connection, key: int, values: Mapping[str, Any]) -> None:
    """Set columns of a model."""
    connection.execute(model.update().where(model.c.id == key).values(**values))


def delete(connection: Connection, workspace: int, key: int, now: int) -> None:
    """Remove a model; its version is not given again."""
    contents.release_named_by(connection, workspace, select(model_file.c.digest).where(model_file.c.model == key), now)
    of_model = select(model.c.snapshot_id).where(model.c.id == key, model.c.snapshot_id.is_not(None))
    snapshots.release(connection, workspace, connection.execute(of_model).scalars().all(), now)
    tag.remove_all(connection, key)
    property_.remove_all(connection, key)
    connection.execute(model_file.delete().where(model_file.c.model == key))
    connection.execute(model.delete().where(model.c.id == key))


def find(connection: Connection, workspace: int, name: str, version: int | None) -> ModelRow | None:
    """A version of a name, or the newest one."""
    query = _ROW.where(registered_model.c.workspace == workspace, registered_model.c.name == name)
    if version is not None:
        query = query.where(model.c.version == version)
    row = connection.execute(query.order_by(model.c.version.desc()).limit(1)).first()
    return None if row is None else ModelRow(*row)


def find_registration(connection: Connection, workspace: int, registration_id: str) -> ModelRow | None:
    """The model that a registration made."""
    query = _ROW.where(model.c.workspace == workspace, model.c.registration_id == registration_id)
    row = connection.execute(query).first()
    return None if row is None else ModelRow(*row)


def names_of(connection: Connection, workspace: int) -> list[str]:
    """The names under which there are models."""
    query = select(registered_model.c.name).select_from(_SOURCE).where(model.c.workspace == workspace).distinct()
    return list(connection.execute(query).scalars())


def versions_of(connection: Connection, workspace: int, name: str) -> list[int]:
    """The versions of a name, the first one first."""
    query = select(model.c.version).select_from(_SOURCE)
    query = query.where(registered_model.c.workspace == workspace, registered_model.c.name == name)
    return list(connection.execute(query.order_by(model.c.version)).scalars())


def files_of(connection: Connection, key: int) -> list[ModelFile]:
    """The files of a model, by path."""
    query = select(model_file.c.path, model_file.c.digest, model_file.c.size).where(model_file.c.model == key)
    return [ModelFile(*row) for row in connection.execute(query.order_by(model_file.c.path))]


@dataclass(frozen=True)
class Filter:
    """Which models a list holds; what is None or empty does not restrict it."""

    name: str | None = None
    tags: list[tuple[str, str | None]] = field(default_factory=list)
    properties: list[tuple[str, str | None]] = field(default_factory=list)
    run_id: str | None = None
    framework: str | None = None
    dataset_id: str | None = None
    latest: bool = False
    """Of each name only the newest one that fits all the rest."""


def search(
    connection: Connection, workspace: int, wanted: Filter, limit: int, after: Position | None
) -> tuple[list[Model], Position | None]:
    """A page of models, newest first, without their files; and where the next page begins."""
    conditions = _conditions(workspace, wanted)
    query = select(model.c.id, model.c.created_at).select_from(_SOURCE).where(*conditions)
    if wanted.latest:
        newest = select(func.max(model.c.id)).select_from(_SOURCE).where(*conditions)
        query = query.where(model.c.id.in_(newest.group_by(model.c.registered_model)))
    if after:
        query = query.where(tuple_(model.c.created_at, model.c.id) < tuple_(after.created_at, after.key))
    rows = connection.execute(query.order_by(model.c.created_at.desc(), model.c.id.desc()).limit(limit + 1)).all()
    page, rest = rows[:limit], rows[limit:]
    following = Position(page[-1].created_at, page[-1].id) if rest else None
    return load(connection, workspace, [row.id for row in page]), following


def load(connection: Connection, workspace: int, keys: list[int]) -> list[Model]:
    """Models as they travel, without their files, in the order of the keys."""
    query = select(model, registered_model.c.name).select_from(_SOURCE).where(model.c.id.in_(keys))
    rows = connection.execute(query).all()
    ids = [f"{row.name}:{row.version}" for row in rows]
    derived: dict[str, list[str]] = {}
    for edge in lineage.users_of_all(connection, workspace, MODEL, ids):
        if edge.user_type == MODEL and edge.role == DERIVED_FROM:
            derived.setdefault(edge.used_id, []).append(edge.user_id)
    tags, properties = tag.of(connection, keys), property_.of(connection, keys)
    found = {
        row.id: _model(row, tags.get(row.id, {}), properties.get(row.id, {}), derived.get(model_id, []))
        for row, model_id in zip(rows, ids, strict=True)
    }
    return [found[key] for key in keys]


def _conditions(workspace: int, wanted: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [model.c.workspace == workspace]
    if wanted.name is not None:
        conditions.append(registered_model.c.name == wanted.name)
    if wanted.run_id is not None:
        conditions.append(model.c.run_id == wanted.run_id)
    if wanted.framework is not None:
        conditions.append(model.c.framework == wanted.framework)
    if wanted.dataset_id is not None:
        model_id = registered_model.c.name + ":" + cast(model.c.version, Text)
        conditions.append(lineage.uses(workspace, MODEL, model_id, DATASET, wanted.dataset_id))
    conditions += tag.match(model.c.id, wanted.tags)
    conditions += property_.match(model.c.id, wanted.properties)
    return conditions


def _model(row: Row[Any], tags: dict[str, str], properties: dict[str, str], derived_ids: list[str]) -> Model:
    wanted = row.resource_configuration
    return Model(
        id=f"{row.name}:{row.version}",
        name=row.name,
        version=row.version,
        description=row.description,
        tags=tags,
        properties=properties,
        framework=row.framework,
        framework_version=row.framework_version,
        file_count=row.file_count,
        size=row.size,
        created_at=to_text(row.created_at),
        created_by=row.created_by,
        modified_at=to_text(row.modified_at),
        run_id=row.run_id,
        experiment_name=row.experiment_name,
        snapshot_id=row.snapshot_id,
        mlflow=row.mlflow,
        sample_input_dataset_id=row.sample_input_dataset_id,
        sample_output_dataset_id=row.sample_output_dataset_id,
        resource_configuration=None if wanted is None else ResourceConfiguration(**wanted),
        datasets=[DatasetReference(**each) for each in row.datasets],
        parent_id=row.parent_id,
        derived_ids=sorted(derived_ids),
    )
