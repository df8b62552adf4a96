"""Which datasets runs read and made, and what came of them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from terrazul.core.errors import NotFound
from terrazul.server.dataset import store as datasets
from terrazul.server.identity.rules import Principal
from terrazul.server.lineage import rules
from terrazul.server.lineage import store as lineage
from terrazul.server.lineage.rules import DATASET, MODEL, RUN
from terrazul.server.run.service.reach import find_within_reach
from terrazul.server.run.store import run as runs
from terrazul.server.sql.database import Database
from terrazul.wire.lineage import DatasetUse, Edge


class RunDatasets:
    """The lineage between the runs and the datasets of all workspaces."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, workspace: int, run_id: str, use: DatasetUse, principal: Principal) -> DatasetUse:
        """Note that a run read or made a dataset; told twice it counts once.

        Raises ``InvalidInput``, ``NotFound`` for a run or a dataset that is not there, and ``Forbidden``.
        """
        edge = rules.edge_of(run_id, use)

        def work(connection: Connection) -> DatasetUse:
            find_within_reach(connection, workspace, run_id, principal)
            check_there(connection, workspace, [use.dataset_id])
            lineage.add(connection, workspace, [edge])
            return use

        return await self._database.write(work)

    async def uses(self, workspace: int, run_id: str) -> list[DatasetUse]:
        """The datasets that a run read or made. Raises ``NotFound``."""
        return await self._database.read(lambda connection: rules.uses_in(_edges(connection, workspace, run_id)))

    async def of_run(self, workspace: int, run_id: str) -> list[Edge]:
        """What a run was made with, then what came of it. Raises ``NotFound``."""
        return await self._database.read(lambda connection: _edges(connection, workspace, run_id))

    async def of_dataset(self, workspace: int, dataset_id: str) -> list[Edge]:
        """What a dataset was made with, then what uses it, and what came of the runs that read it.

        Raises ``NotFound``.
        """

        def work(connection: Connection) -> list[Edge]:
            check_there(connection, workspace, [dataset_id])
            made_with = lineage.used_by(connection, workspace, DATASET, dataset_id)
            users = lineage.users_of(connection, workspace, DATASET, dataset_id)
            readers = [each.user_id for each in users if each.user_type == RUN]
            came = lineage.users_of_all(connection, workspace, RUN, readers)
            return made_with + users + [each for each in came if each.user_type in {MODEL, DATASET}]

        return await self._database.read(work)


def check_there(connection: Connection, workspace: int, dataset_ids: Iterable[str]) -> None:
    """Raise ``NotFound`` for the first of some ids that no dataset has."""
    for dataset_id in dataset_ids:
        if dataset_id and datasets.find(connection, workspace, dataset_id) is None:
            raise NotFound(
                f"There is no dataset {dataset_id[:80]!r} in this workspace.",
                target=dataset_id[:80],
                hint="`terrazul dataset list` shows what is registered.",
            )


def _edges(connection: Connection, workspace: int, run_id: str) -> list[Edge]:
    runs.existing(connection, workspace, run_id)
    made_with = lineage.used_by(connection, workspace, RUN, run_id)
    return made_with + lineage.users_of(connection, workspace, RUN, run_id)
