"""What the columns of datasets hold, kept with each, and how two datasets differ by that."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.errors import NotATable, NotFound
from terrazul.data.plan.plan import read
from terrazul.data.profile.difference import difference_of
from terrazul.server.dataset import rules, store
from terrazul.server.dataset.rules import DATASET
from terrazul.server.dataset.service import Datasets, existing
from terrazul.server.dataset.store import Maker
from terrazul.server.sql.database import Database
from terrazul.server.sql.witness import changed
from terrazul.server.workspace.store import WorkspaceRow
from terrazul.wire.dataset import Dataset
from terrazul.wire.dataset_profile import DatasetDifference, KeptDatasetProfile, NewDatasetProfile


class DatasetProfiles:
    """The profiles of all datasets. Whoever has the rows makes them; the server keeps and compares them."""

    def __init__(self, database: Database, datasets: Datasets, clock: Clock) -> None:
        self._database = database
        self._datasets = datasets
        self._clock = clock

    async def keep(
        self, workspace: WorkspaceRow, dataset_id: str, new: NewDatasetProfile, user: str
    ) -> KeptDatasetProfile:
        """Keep a profile in the place of the one that is there; sent twice, it counts once.

        Raises ``NotFound``, ``NotATable``, ``InvalidInput``, ``TooLarge``.
        """
        rules.check_profile(new, read((await self._datasets.get(workspace, dataset_id)).definition))

        def work(connection: Connection) -> KeptDatasetProfile:
            row = existing(connection, workspace.key, dataset_id)
            store.set_profile(connection, workspace.key, row.key, new, Maker(user, self._clock()))
            changed(connection, DATASET, dataset_id)
            return _profile(connection, row.key, dataset_id)

        return await self._database.write(work)

    async def get(self, workspace: WorkspaceRow, dataset_id: str, *, check: bool) -> KeptDatasetProfile:
        """The profile of a dataset; with ``check`` it is looked whether the files have changed since.

        Raises ``NotFound`` where there is none, ``NotATable``.
        """
        rules.check_table(read((await self._datasets.get(workspace, dataset_id)).definition))
        found = await self._database.read(
            lambda connection: _profile(connection, existing(connection, workspace.key, dataset_id).key, dataset_id)
        )
        if not check:
            return found
        now = await self._datasets.digest_now(workspace, dataset_id)
        is_known = now is not None and bool(found.profile.files_digest)
        return replace(found, is_stale=now != found.profile.files_digest if is_known else None)

    async def compare(self, workspace: WorkspaceRow, before: str, after: str) -> DatasetDifference:
        """How one dataset differs from another one: by their profiles, and by the files behind each.

        What is not known of one of them is left out, and told. Raises ``NotFound``.
        """
        notes: list[str] = []
        old = await self._known(workspace, before, notes)
        new = await self._known(workspace, after, notes)
        found = difference_of(old.profile, new.profile) if old and new else DatasetDifference()
        try:
            files = await self._datasets.compare_versions(workspace, before, after)
        except NotFound:
            files = None
            notes.append("The files cannot be compared: nobody has looked at those of both when they were registered.")
        return replace(found, files=files, notes=notes)

    async def _known(self, workspace: WorkspaceRow, dataset_id: str, notes: list[str]) -> KeptDatasetProfile | None:
        dataset = await self._datasets.get(workspace, dataset_id)
        try:
            return await self.get(workspace, dataset_id, check=False)
        except (NotFound, NotATable) as error:
            notes.append(f"The columns of {_name_of(dataset)} are not known: {error.message}")
            return None


def _profile(connection: Connection, key: int, dataset_id: str) -> KeptDatasetProfile:
    found = store.profile_of(connection, key, dataset_id)
    if found is None:
        raise NotFound(
            "The dataset has no profile.",
            target=dataset_id,
            hint="Make one: `terrazul dataset profile NAME`, or dataset.submit_profile_run(compute, experiment).",
        )
    return found


def _name_of(dataset: Dataset) -> str:
    return f"{dataset.name!r} version {dataset.version}" if dataset.name else dataset.id
