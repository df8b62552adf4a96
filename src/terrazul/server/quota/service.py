"""What one can do with quotas, and what they allow at a moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from sqlalchemy import Connection

from terrazul.server.blobs import store as contents
from terrazul.server.quota import store
from terrazul.server.quota.rules import Limits, QueueCount, check_limits, check_storage
from terrazul.server.sql.database import Database
from terrazul.wire.quota import QueueUse, Quota, QuotaLimits

CountRuns = Callable[[Connection, int], Mapping[str, QueueCount]]
"""Counts the submitted runs of a workspace that have not ended, by user."""
SizeOf = Callable[[Connection, int], int]
"""The bytes of a workspace that are kept elsewhere than among the contents."""
Notify = Callable[[Connection], None]
"""Has those look whom a quota held back, once the transaction is on disk."""
CountNodes = Callable[[Connection, int], int]
"""Counts the nodes of the compute targets of a workspace."""


class Quotas:
    """The quotas of all workspaces; ``defaults`` count where nothing was set."""

    def __init__(
        self,
        database: Database,
        defaults: Limits,
        count_runs: CountRuns,
        size_of_data: SizeOf,
        count_nodes: CountNodes,
        notify: Notify,
    ) -> None:
        self._database = database
        self.defaults = defaults
        self._count_runs = count_runs
        self._size_of_data = size_of_data
        self._count_nodes = count_nodes
        self._notify = notify

    async def get(self, workspace: int) -> Quota:
        """What a workspace may use, and does use."""
        return await self._database.read(partial(self._load, workspace=workspace))

    async def set(self, workspace: int, limits: QuotaLimits) -> Quota:
        """Set all limits of a workspace, which count for what comes. Raises ``InvalidInput``."""
        check_limits(limits)

        def work(connection: Connection) -> Quota:
            store.put(connection, workspace, limits)
            self._notify(connection)
            return self._load(connection, workspace)

        return await self._database.write(work)

    def limits(self, connection: Connection, workspace: int) -> Limits:
        """What counts for a workspace."""
        return self.defaults.overridden_by(store.find(connection, workspace))

    def check_storage(self, connection: Connection, workspace: int, fresh: int) -> None:
        """Raise ``QuotaExceeded`` where a workspace has no room for so many bytes more."""
        limits = self.limits(connection, workspace)
        if limits.storage_bytes:
            check_storage(limits, self._size(connection, workspace), fresh)

    def _size(self, connection: Connection, workspace: int) -> int:
        return contents.size_of(connection, workspace) + self._size_of_data(connection, workspace)

    def _load(self, connection: Connection, workspace: int) -> Quota:
        own = store.find(connection, workspace)
        counts = self._count_runs(connection, workspace)
        return Quota(
            QuotaLimits(**self.defaults.overridden_by(own)._asdict()),
            own,
            self._size(connection, workspace),
            sum(each.running for each in counts.values()),
            sum(each.waiting for each in counts.values()),
            self._count_nodes(connection, workspace),
            [QueueUse(user, *counts[user]) for user in sorted(counts)],
        )
