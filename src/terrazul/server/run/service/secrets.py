"""What a submitted run may have of the key vault: as in v1, what whoever submitted it may have."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from terrazul.core.errors import Forbidden
from terrazul.server.identity.rules import Action, ObjectType, Principal, Target, authorise
from terrazul.server.identity.service.authentication import has_right
from terrazul.server.queue import store as queue
from terrazul.server.run.store import run as runs
from terrazul.server.run.store.run import RunRow
from terrazul.server.sql.database import Database
from terrazul.server.vault.rules import check_names
from terrazul.server.vault.service.secrets import Secrets
from terrazul.server.workspace import store as workspaces
from terrazul.wire.vault import SecretValue


def gives_secrets(connection: Connection, workspace: int, by: Principal) -> bool:
    """Whether a run that somebody submits may read secrets: where they may, or are a run that may."""
    if by.run_id is not None:
        row = runs.find(connection, workspace, by.run_id)
        return row is not None and queue.reads_secrets(connection, row.key)
    workspace_id = workspaces.get(connection, workspace).workspace.workspace_id
    return not authorise(by, Action.SECRET_READ, Target(ObjectType.WORKSPACE, workspace_id))


class RunSecrets:
    """Hands values to submitted runs."""

    def __init__(self, database: Database, secrets: Secrets) -> None:
        self._database = database
        self._secrets = secrets

    async def read(self, workspace: int, names: Sequence[str], principal: Principal) -> list[SecretValue]:
        """The values of those that are there, put on record before they are handed out.

        Raises ``Forbidden`` for who is no run, and for a run whose submitter might not, or may no longer, read them;
        ``InvalidInput``, ``VaultClosed``.
        """
        check_names(names)
        run_id = principal.run_id
        if run_id is None:
            raise Forbidden(
                "This address is for runs that were submitted.", hint="Read secrets with ws.get_default_keyvault()."
            )

        def work(connection: Connection) -> list[SecretValue]:
            row = runs.existing(connection, workspace, run_id)
            user = _submitter(connection, row)
            workspace_id = workspaces.get(connection, workspace).workspace.workspace_id
            if not (
                queue.reads_secrets(connection, row.key)
                and has_right(connection, user, workspace_id, Action.SECRET_READ)
            ):
                raise Forbidden(
                    f"The run {run_id} may read no secrets, since {user}, who submitted it, may not.",
                    target=run_id,
                    hint="A run reads what whoever submits it may read at that time, and still may.",
                )
            return self._secrets.reveal(connection, workspace, names)

        return await self._database.write(work)


def _submitter(connection: Connection, row: RunRow) -> str:
    """The user who submitted a run, or the run above it that submitted it."""
    while row.parent is not None:
        above = runs.find_by_key(connection, row.parent)
        if above is None or above.run_id != runs.creator_of(connection, row.key):
            break
        row = above
    return runs.creator_of(connection, row.key)
