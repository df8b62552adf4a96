"""Which runs a caller may touch: an owner all, a run itself and what is below it."""

from __future__ import annotations

from sqlalchemy import Connection

from terrazul.core.errors import Forbidden
from terrazul.server.identity.rules import OWN_RUNS_ONLY, Principal
from terrazul.server.run.store import run as runs
from terrazul.server.run.store.run import RunRow


def find_within_reach(connection: Connection, workspace: int, run_id: str, principal: Principal) -> RunRow:
    """The run of an id. Raises ``NotFound``, or ``Forbidden`` where the caller may not touch it."""
    row = runs.existing(connection, workspace, run_id)
    if principal.run_id is not None and principal.run_id != run_id:
        own = runs.find(connection, workspace, principal.run_id)
        if own is None or not runs.is_within(connection, row.key, own.key):
            raise Forbidden(OWN_RUNS_ONLY, target=run_id)
    return row


def own_keys(connection: Connection, workspace: int, run_id: str) -> list[int]:
    """The keys of a run and of all runs below it."""
    own = runs.existing(connection, workspace, run_id)
    return [own.key, *(each.key for each in runs.descendants(connection, own.key))]
