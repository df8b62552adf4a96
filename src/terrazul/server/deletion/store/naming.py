"""Who names contents and snapshots: what nothing names may go from the disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from terrazul.core.clock import to_text
from terrazul.server.dataset.store import dataset_content
from terrazul.server.deletion.store.doomed import Doomed
from terrazul.server.endpoint.store.image import image
from terrazul.server.endpoint.store.webservice import revision
from terrazul.server.model.store import model, model_file
from terrazul.server.run.store import logged_model
from terrazul.server.run.store.artifact import artifact
from terrazul.server.run.store.run import RunRow, run
from terrazul.server.sql.pattern import at_or_below
from terrazul.server.sql.variables import in_groups
from terrazul.wire.artifact import Artifact

_TABLES = (artifact, logged_model.file, model_file, dataset_content)


class Files(NamedTuple):
    """The files of what is doomed."""

    number: int
    digests: set[str]


def named(connection: Connection, workspace: int, digests: Iterable[str]) -> set[str]:
    """Those of the contents that a file of a run, a logged model or a model names, or a dataset's list of files."""
    found: set[str] = set()
    for group in in_groups(digests):
        for table in _TABLES:
            query = select(table.c.digest).where(table.c.workspace == workspace, table.c.digest.in_(group)).distinct()
            found.update(connection.execute(query).scalars())
    return found


def named_elsewhere(connection: Connection, workspace: int, digests: Iterable[str], doomed: Doomed) -> set[str]:
    """As ``named``, without what is doomed."""
    runs = set(doomed.runs)
    versions = {version.key for version in doomed.versions}
    logged = set(_logged_models_of(connection, doomed))
    owners = ((artifact, artifact.c.run, runs), (logged_model.file, logged_model.file.c.logged_model, logged),
              (model_file, model_file.c.model, versions),
              (dataset_content, dataset_content.c.dataset, set[int]()))  # fmt: skip
    found: set[str] = set()
    for group in in_groups(digests):
        for table, owner, going in owners:
            query = select(table.c.digest, owner).where(table.c.workspace == workspace, table.c.digest.in_(group))
            found.update(digest for digest, key in connection.execute(query) if key not in going)
    return found


def files_of(connection: Connection, doomed: Doomed) -> Files:
    """The files of doomed runs, of the logged models that go with them, and of doomed versions."""
    count, digests = 0, set[str]()
    owners: tuple[tuple[Any, Iterable[int]], ...] = (
        (artifact.c.run, doomed.runs),
        (logged_model.file.c.logged_model, _logged_models_of(connection, doomed)),
        (model_file.c.model, [version.key for version in doomed.versions]),
    )
    for owner, keys in owners:
        for group in in_groups(keys):
            rows = connection.execute(select(owner.table.c.digest, func.count()).where(owner.in_(group))
                                      .group_by(owner.table.c.digest)).all()  # fmt: skip
            count += sum(row[1] for row in rows)
            digests.update(row[0] for row in rows)
    return Files(count, digests)


def files_at(connection: Connection, row: RunRow, path: str) -> list[Artifact]:
    """The files of a run at and below a path, those of its logged models among them."""
    query = select(artifact.c.path, artifact.c.size, artifact.c.digest, artifact.c.created_at)
    query = query.where(artifact.c.run == row.key, at_or_below(artifact.c.path, path)).order_by(artifact.c.path)
    found = [Artifact(each[0], each[1], each[2], to_text(each[3])) for each in connection.execute(query)]
    for logged in logged_model.of_run(connection, row.key):
        within = logged_model.path_within(logged, path)
        if within is not None:
            files = logged_model.files_of(connection, logged.key, within)
            found += [each for each in files if not within or f"{each.path}/".startswith(f"{within}/")]
    return found


def named_by_other_files(
    connection: Connection, workspace: int, files: Sequence[Artifact], in_snapshots: Collection[str]
) -> set[str]:
    """Those of the contents of some files that more files name than these."""
    own = Counter(each.digest for each in files)
    found = set(in_snapshots)
    for group in in_groups(own):
        counted: Counter[str] = Counter()
        for table in _TABLES:
            query = select(table.c.digest, func.count()).where(
                table.c.workspace == workspace, table.c.digest.in_(group)
            )
            counted.update({row[0]: row[1] for row in connection.execute(query.group_by(table.c.digest))})
        found.update(digest for digest, count in counted.items() if count > own[digest])
    return found


def snapshots_of(connection: Connection, doomed: Doomed) -> set[str]:
    """The snapshots that doomed runs and versions name."""
    found: set[str] = set()
    for table, keys in ((run, doomed.runs), (model, [version.key for version in doomed.versions])):
        for group in in_groups(keys):
            query = select(table.c.snapshot_id).where(table.c.id.in_(group), table.c.snapshot_id.is_not(None))
            found.update(connection.execute(query.distinct()).scalars())
    return found


def snapshots_in_use(
    connection: Connection, workspace: int, snapshot_ids: Collection[str], doomed: Doomed | None = None
) -> set[str]:
    """Those of the snapshots that a run, a model, a web service or an image names; what is doomed does not count."""
    runs = set(doomed.runs) if doomed else set[int]()
    versions = {version.key for version in doomed.versions} if doomed else set[int]()
    found = {each for each in _deployed(connection, workspace) if each in snapshot_ids}
    for group in in_groups(snapshot_ids):
        for table, going in ((run, runs), (model, versions)):
            query = select(table.c.snapshot_id, table.c.id)
            query = query.where(table.c.workspace == workspace, table.c.snapshot_id.in_(group))
            if not going:
                query = select(table.c.snapshot_id, func.min(table.c.id)).where(
                    table.c.workspace == workspace, table.c.snapshot_id.in_(group)
                ).group_by(table.c.snapshot_id)  # fmt: skip
            found.update(snapshot_id for snapshot_id, key in connection.execute(query) if key not in going)
    return found


def _deployed(connection: Connection, workspace: int) -> Iterator[str]:
    of_services = select(revision.c.deployment).where(revision.c.workspace == workspace)
    of_images = select(image.c.deployment).where(image.c.workspace == workspace, image.c.deleted.is_(False))
    for query in (of_services, of_images):
        for deployment in connection.execute(query).scalars():
            if deployment.get("snapshot_id"):
                yield deployment["snapshot_id"]


def _logged_models_of(connection: Connection, doomed: Doomed) -> list[int]:
    table = logged_model.logged_model
    found = list(doomed.logged_models)
    for column, keys in (
        (table.c.run, doomed.runs),
        (table.c.experiment, [row.key for row in doomed.experiments if row.number]),
    ):
        for group in in_groups(keys):
            found += connection.execute(select(table.c.id).where(column.in_(group))).scalars()
    return list(dict.fromkeys(found))
