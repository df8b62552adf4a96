"""Who may have runs begin before those of others."""

from __future__ import annotations

from sqlalchemy import Connection

from terrazul.core.errors import Forbidden
from terrazul.server.identity.rules import Action, ObjectType, Principal, Target, authorise
from terrazul.server.identity.service.authentication import has_right
from terrazul.server.workspace import store as workspaces


def check_priority(connection: Connection, workspace: int, priority: int, user: str, by: Principal) -> None:
    """Raise ``Forbidden`` for a priority above 0, unless who submits may give one, or the user behind a run that does.

    What is below 0 lets others go first, which everybody may.
    """
    if priority <= 0:
        return
    workspace_id = workspaces.get(connection, workspace).workspace.workspace_id
    if by.is_run:
        allowed = has_right(connection, user, workspace_id, Action.RUN_PRIORITISE)
    else:
        allowed = not authorise(by, Action.RUN_PRIORITISE, Target(ObjectType.WORKSPACE, workspace_id))
    if not allowed:
        raise Forbidden(
            f"{user} may not give a run the priority {priority} in this workspace.",
            target="priority",
            hint="Above 0 is for the roles Owner and Contributor; 0 and below is for everybody.",
        )
