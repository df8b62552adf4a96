"""The server about what it holds and does."""

from __future__ import annotations

import shutil

from sqlalchemy import Connection

from terrazul.core.clock import to_text
from terrazul.core.version import __version__
from terrazul.server.blobs import store as blobs
from terrazul.server.endpoint.store import webservice as webservices
from terrazul.server.queue import store as queue
from terrazul.server.run.store import run as runs
from terrazul.server.services import Services
from terrazul.server.workspace import store as workspaces
from terrazul.wire.server import ServerStatus


async def status_of(services: Services) -> ServerStatus:
    """Everything that `terrazul status` shows, from one consistent view of the database."""
    home, kind = services.home, services.database.kind

    def work(connection: Connection) -> ServerStatus:
        length = queue.length(connection)
        return ServerStatus(
            version=__version__,
            pid=services.pid,
            home=str(home.path),
            database=kind.address,
            processes=services.settings.processes,
            started_at=to_text(services.started_at),
            workspaces=workspaces.count(connection),
            runs=runs.count_by_state(connection),
            queued=length.waiting,
            executing=length.claimed,
            services=webservices.count_by_state(connection),
            content_bytes=blobs.total_size(connection),
            database_bytes=kind.size(connection),
            free_bytes=shutil.disk_usage(home.path).free,
            vault_problem=services.vault.problem,
        )

    return await services.database.read(work)
