"""The rows of datasets, their names, tags and contents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
    tuple_,
)
from sqlalchemy.dialects.sqlite import insert

from terrazul.core.clock import from_text, to_text
from terrazul.server.blobs import store as contents
from terrazul.server.dataset.rules import Content
from terrazul.server.sql.metadata import Json, metadata, primary_key
from terrazul.server.sql.named_texts import NamedTexts
from terrazul.server.sql.position import Position
from terrazul.wire.dataset import ARCHIVED, ContentSummary, Dataset, DatasetDefinition
from terrazul.wire.dataset_profile import FORM, DatasetProfile, KeptDatasetProfile, NewDatasetProfile

registered_dataset = Table(
    "registered_dataset",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace", ForeignKey("workspace.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("last_version", Integer, nullable=False),
    UniqueConstraint("workspace", "name"),
)
"""A name, with the last version that was given: one that was unregistered is not given again."""

dataset = Table(
    "dataset",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace", ForeignKey("workspace.id"), nullable=False),
    Column("dataset_id", String(36), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("definition", Json, nullable=False),
    Column("registered_dataset", ForeignKey("registered_dataset.id"), nullable=True),
    Column("version", Integer, nullable=True),
    Column("description", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("deprecated_by", String(36), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    UniqueConstraint("workspace", "dataset_id"),
    UniqueConstraint("registered_dataset", "version"),
    Index("ix_dataset_definition", "workspace", "digest"),
)
"""A saved definition; with a name and a version where it is registered."""

dataset_content = Table(
    "dataset_content",
    metadata,
    Column("workspace", Integer, nullable=False),
    Column("dataset", ForeignKey("dataset.id"), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("files_digest", String(64), nullable=False),
    Column("file_count", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("data_changed_at", BigInteger, nullable=True),
    Index("ix_dataset_content_content", "workspace", "digest"),
    sqlite_with_rowid=False,
)
"""What lay behind a dataset when it was registered; ``digest`` is that of the content that holds the list of files."""

dataset_profile = Table(
    "dataset_profile",
    metadata,
    Column("workspace", Integer, nullable=False),
    Column("dataset", ForeignKey("dataset.id"), primary_key=True),
    Column("form", Integer, nullable=False),
    Column("profile", Json, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("made_by", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""What the columns of a dataset held when somebody looked last; ``run_id`` is empty where no run did."""

tag = NamedTexts("dataset_tag", "dataset")


class Maker(NamedTuple):
    """Who made something, and when."""

    by: str
    at: int


class DatasetRow(NamedTuple):
    """What the service needs of a dataset besides what travels."""

    key: int
    dataset_id: str
    digest: str
    registered_dataset: int | None
    files_digest: str | None
    listing: str | None


_SOURCE = dataset.outerjoin(dataset_content, dataset_content.c.dataset == dataset.c.id)
_ROW = select(
    dataset.c.id,
    dataset.c.dataset_id,
    dataset.c.digest,
    dataset.c.registered_dataset,
    dataset_content.c.files_digest,
    dataset_content.c.digest,
).select_from(_SOURCE)


def find(connection: Connection, workspace: int, dataset_id: str) -> DatasetRow | None:
    """The dataset of an id."""
    return _one(connection.execute(_ROW.where(dataset.c.workspace == workspace, dataset.c.dataset_id == dataset_id)))


def find_definition(connection: Connection, workspace: int, digest: str, *, free: bool) -> DatasetRow | None:
    """A dataset of this definition: the newest one; with ``free`` one that is not registered."""
    query = _ROW.where(dataset.c.workspace == workspace, dataset.c.digest == digest)
    if free:
        query = query.where(dataset.c.registered_dataset.is_(None))
    return _one(connection.execute(query.order_by(dataset.c.id.desc()).limit(1)))


def find_version(connection: Connection, workspace: int, name: str, version: int | None) -> DatasetRow | None:
    """A version of a name, or the newest one."""
    query = _ROW.join(registered_dataset, registered_dataset.c.id == dataset.c.registered_dataset)
    query = query.where(registered_dataset.c.workspace == workspace, registered_dataset.c.name == name)
    if version is not None:
        query = query.where(dataset.c.version == version)
    return _one(connection.execute(query.order_by(dataset.c.version.desc()).limit(1)))


def find_same(connection: Connection, workspace: int, name: str, digest: str) -> DatasetRow | None:
    """The newest version of a name with this definition."""
    query = _ROW.join(registered_dataset, registered_dataset.c.id == dataset.c.registered_dataset)
    query = query.where(
        registered_dataset.c.workspace == workspace, registered_dataset.c.name == name, dataset.c.digest == digest
    )
    return _one(connection.execute(query.order_by(dataset.c.version.desc()).limit(1)))


def versions_of(connection: Connection, workspace: int, name: str) -> list[DatasetRow]:
    """All versions of a name, the newest first."""
    query = _ROW.join(registered_dataset, registered_dataset.c.id == dataset.c.registered_dataset)
    query = query.where(registered_dataset.c.workspace == workspace, registered_dataset.c.name == name)
    return [DatasetRow(*row) for row in connection.execute(query.order_by(dataset.c.version.desc()))]


def names_of(connection: Connection, workspace: int) -> list[str]:
    """The names under which there are datasets."""
    query = select(registered_dataset.c.name).join(dataset, dataset.c.registered_dataset == registered_dataset.c.id)
    return list(connection.execute(query.where(registered_dataset.c.workspace == workspace).distinct()).scalars())


def next_version(connection: Connection, workspace: int, name: str) -> tuple[int, int]:
    """The key of a name, which is made where it is new, and the version that its next dataset gets."""
    enter = insert(registered_dataset).values(workspace=workspace, name=name, last_version=0)
    connection.execute(enter.on_conflict_do_nothing())
    of_name = (registered_dataset.c.workspace == workspace) & (registered_dataset.c.name == name)
    counted = registered_dataset.update().where(of_name).values(last_version=registered_dataset.c.last_version + 1)
    connection.execute(counted)
    query = select(registered_dataset.c.id, registered_dataset.c.last_version).where(of_name)
    row = connection.execute(query).one()
    return row[0], row[1]


def add(connection: Connection, workspace: int, values: Mapping[str, Any]) -> int:
    """Enter a dataset; its key."""
    return primary_key(connection.execute(dataset.insert().values(workspace=workspace, **values)))


def change(connection: Connection, key: int, values: Mapping[str, Any]) -> None:
    """Set columns of a dataset."""
    connection.execute(dataset.update().where(dataset.c.id == key).values(**values))


def set_content(connection: Connection, workspace: int, key: int, content: Content, listing: str, seen_at: int) -> None:
    """Note what lies behind a dataset."""
    connection.execute(dataset_content.delete().where(dataset_content.c.dataset == key))
    values = {
        "workspace": workspace,
        "dataset": key,
        "digest": listing,
        "files_digest": content.digest,
        "file_count": len(content.files),
        "size": content.size,
        "seen_at": seen_at,
        "data_changed_at": from_text(content.data_changed_at) if content.data_changed_at else None,
    }
    connection.execute(dataset_content.insert().values(**values))


def set_profile(connection: Connection, workspace: int, key: int, new: NewDatasetProfile, values: Maker) -> None:
    """Keep a profile in the place of the one that is there."""
    connection.execute(dataset_profile.delete().where(dataset_profile.c.dataset == key))
    kept = {"workspace": workspace, "dataset": key, "form": new.profile.form, "run_id": new.run_id}
    kept |= {"profile": msgspec.to_builtins(new.profile), "made_at": values.at, "made_by": values.by}
    connection.execute(dataset_profile.insert().values(**kept))


def profile_of(connection: Connection, key: int, dataset_id: str) -> KeptDatasetProfile | None:
    """The profile of a dataset; None where there is none in the form of this version."""
    of_dataset = (dataset_profile.c.dataset == key) & (dataset_profile.c.form == FORM)
    row = connection.execute(select(dataset_profile).where(of_dataset)).first()
    if row is None:
        return None
    profile = msgspec.convert(row.profile, DatasetProfile)
    return KeptDatasetProfile(dataset_id, profile, to_text(row.made_at), row.made_by, row.run_id)


def delete(connection: Connection, workspace: int, key: int, now: int) -> None:
    """Remove a dataset."""
    of_dataset = select(dataset_content.c.digest).where(dataset_content.c.dataset == key)
    contents.release_named_by(connection, workspace, of_dataset, now)
    tag.remove_all(connection, key)
    for table in (dataset_content, dataset_profile):
        connection.execute(table.delete().where(table.c.dataset == key))
    connection.execute(dataset.delete().where(dataset.c.id == key))


def newest(
    connection: Connection, workspace: int, limit: int, after: Position | None, *, archived: bool
) -> tuple[list[Dataset], Position | None]:
    """A page of the newest versions of all names, the youngest first; and where the next page begins."""
    versions = dataset.alias("versions")
    latest = select(func.max(versions.c.version)).where(versions.c.registered_dataset == registered_dataset.c.id)
    query = select(dataset.c.id, dataset.c.created_at).join(
        registered_dataset, registered_dataset.c.id == dataset.c.registered_dataset
    )
    query = query.where(dataset.c.workspace == workspace, dataset.c.version == latest.scalar_subquery())
    if not archived:
        query = query.where(dataset.c.state != ARCHIVED)
    if after:
        query = query.where(tuple_(dataset.c.created_at, dataset.c.id) < tuple_(after.created_at, after.key))
    rows = connection.execute(query.order_by(dataset.c.created_at.desc(), dataset.c.id.desc()).limit(limit + 1)).all()
    page, rest = rows[:limit], rows[limit:]
    following = Position(page[-1].created_at, page[-1].id) if rest else None
    return load(connection, [row.id for row in page]), following


def load(connection: Connection, keys: list[int]) -> list[Dataset]:
    """Datasets as they travel, in the order of the keys."""
    versions = dataset.alias("versions")
    last = select(func.max(versions.c.version)).where(versions.c.registered_dataset == dataset.c.registered_dataset)
    query = (
        select(
            dataset,
            registered_dataset.c.name,
            last.scalar_subquery().label("latest_version"),
            dataset_content.c.files_digest,
            dataset_content.c.file_count,
            dataset_content.c.size,
            dataset_content.c.seen_at,
            dataset_content.c.data_changed_at,
        )
        .select_from(_SOURCE.outerjoin(registered_dataset, registered_dataset.c.id == dataset.c.registered_dataset))
        .where(dataset.c.id.in_(keys))
    )
    tags = tag.of(connection, keys)
    found = {row.id: _dataset(row, tags.get(row.id, {})) for row in connection.execute(query)}
    return [found[key] for key in keys]


def _dataset(row: Row[Any], tags: dict[str, str]) -> Dataset:
    return Dataset(
        id=row.dataset_id,
        definition=msgspec.convert(row.definition, DatasetDefinition),
        created_at=to_text(row.created_at),
        created_by=row.created_by,
        name=row.name or "",
        version=row.version or 0,
        latest_version=row.latest_version or 0,
        description=row.description,
        tags=tags,
        state=row.state,
        deprecated_by=row.deprecated_by,
        modified_at=to_text(row.modified_at),
        content=None if row.files_digest is None else _content(row),
    )


def _content(row: Row[Any]) -> ContentSummary:
    changed_at = "" if row.data_changed_at is None else to_text(row.data_changed_at)
    return ContentSummary(row.file_count, row.size, row.files_digest, to_text(row.seen_at), changed_at)


def _one(result: Any) -> DatasetRow | None:
    row = result.first()
    return None if row is None else DatasetRow(*row)
