"""What somebody may delete whose roles are on folders of experiments: nothing that lies elsewhere."""

from __future__ import annotations

from sqlalchemy import Connection

from terrazul.core.errors import Forbidden
from terrazul.server.deletion.store.doomed import Doomed
from terrazul.server.experiment import store as experiments
from terrazul.server.experiment.service import check_reach
from terrazul.server.identity.rules import Principal
from terrazul.server.run.service.reach import find_within_reach
from terrazul.server.run.store import run as runs
from terrazul.wire.deletion import Selection


def check_selected(connection: Connection, workspace: int, selection: Selection, principal: Principal) -> None:
    """Raise ``NotFound`` for what is not there for the caller, ``Forbidden`` for what they may not delete."""
    if principal.reach is None:
        return
    if selection.deleted_for_seconds is not None or selection.model_ids:
        raise Forbidden(
            f"{principal.name} may delete runs and experiments in some folders, but neither purge nor delete models.",
            hint="Name runs or experiments, or ask an owner for a role in the workspace.",
        )
    for experiment_id in selection.experiment_ids:
        row = experiments.existing(connection, workspace, experiment_id, principal.reach)
        check_reach(principal, row.experiment.name)
    for run_id in selection.run_ids:
        find_within_reach(connection, workspace, run_id, principal)


def check_doomed(connection: Connection, workspace: int, doomed: Doomed, principal: Principal) -> None:
    """Raise ``Forbidden`` where a run that goes too, as it is below another one, lies elsewhere."""
    if principal.reach is None:
        return
    if len(runs.those_in(connection, workspace, doomed.runs, principal.reach.folders)) < len(doomed.runs):
        raise Forbidden(
            f"Something below these runs lies outside of where {principal.name} may delete.",
            hint="Ask somebody who may delete in the whole workspace.",
        )
