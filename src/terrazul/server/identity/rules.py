"""Principals, actions, and the one function that decides."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from types import MappingProxyType
from typing import NamedTuple

from terrazul.core.dataclass import dataclass


class Action(str, enum.Enum):
    """What a route does, as seen by authorisation."""

    SERVER_READ = "server/read"
    SERVER_INSPECT = "server/inspect"
    WORKSPACE_READ = "workspace/read"
    WORKSPACE_RESOLVE = "workspace/resolve"
    WORKSPACE_CREATE = "workspace/create"
    WORKSPACE_CHANGE = "workspace/change"
    WORKSPACE_DELETE = "workspace/delete"
    EXPERIMENT_READ = "experiment/read"
    EXPERIMENT_WRITE = "experiment/write"
    RUN_READ = "run/read"
    RUN_SUBMIT = "run/submit"
    RUN_WRITE = "run/write"
    RUN_PRIORITISE = "run/prioritise"
    RUN_CANCEL = "run/cancel"
    RUN_READ_HOLD = "run/hold/read"
    RUN_RELEASE_HOLD = "run/hold/release"
    RUN_DELETE = "run/delete"
    RUN_RESTORE = "run/restore"
    RUN_EXECUTE = "run/execute"
    CONTENT_WRITE = "content/write"
    CONTENT_READ = "content/read"
    SNAPSHOT_READ = "snapshot/read"
    SNAPSHOT_WRITE = "snapshot/write"
    DATASTORE_READ = "datastore/read"
    DATASTORE_WRITE = "datastore/write"
    DATA_READ = "data/read"
    DATA_WRITE = "data/write"
    DATA_DELETE = "data/delete"
    DATASET_READ = "dataset/read"
    DATASET_WRITE = "dataset/write"
    DATASET_DELETE = "dataset/delete"
    COMPUTE_READ = "compute/read"
    COMPUTE_WRITE = "compute/write"
    COMPUTE_DELETE = "compute/delete"
    ENVIRONMENT_READ = "environment/read"
    ENVIRONMENT_WRITE = "environment/write"
    MODEL_READ = "model/read"
    MODEL_REGISTER = "model/register"
    MODEL_CHANGE = "model/change"
    MODEL_CHANGE_ALL = "model/change/all"
    MODEL_DELETE = "model/delete"
    ENDPOINT_READ = "endpoint/read"
    ENDPOINT_WRITE = "endpoint/write"
    ENDPOINT_DELETE = "endpoint/delete"
    ENDPOINT_READ_KEYS = "endpoint/keys/read"
    ENDPOINT_WRITE_KEYS = "endpoint/keys/write"
    ENDPOINT_SERVE = "endpoint/serve"
    SECRET_LIST = "secret/list"  # noqa: S105  # an action
    SECRET_READ = "secret/value/read"  # noqa: S105  # an action
    SECRET_WRITE = "secret/write"  # noqa: S105  # an action
    RUN_READ_SECRETS = "run/secret/read"
    VAULT_MANAGE = "vault/manage"
    WEBHOOK_READ = "webhook/read"
    WEBHOOK_WRITE = "webhook/write"
    IMPORT_WRITE = "import/write"
    LINEAGE_READ = "lineage/read"
    DELETION_READ = "deletion/read"
    DELETION_WRITE = "deletion/write"
    MEMBER_READ = "member/read"
    MEMBER_WRITE = "member/write"
    USER_READ = "user/read"
    USER_WRITE = "user/write"
    QUOTA_READ = "quota/read"
    QUOTA_WRITE = "quota/write"
    ACTIVITY_READ = "activity/read"
    TOKEN_WRITE = "token/write"  # noqa: S105  # an action
    SESSION_READ = "session/read"
    SESSION_WRITE = "session/write"
    PASSWORD_WRITE = "password/write"  # noqa: S105  # an action


class ObjectType(str, enum.Enum):
    """What a route acts on."""

    SERVER = "server"
    WORKSPACE = "workspace"
    EXPERIMENT = "experiment"
    RUN = "run"
    SNAPSHOT = "snapshot"
    MODEL = "model"
    WEBSERVICE = "webservice"


class FolderGrant(NamedTuple):
    """What somebody may do in and below a folder of experiments, and the names of the roles that say so."""

    roles: tuple[str, ...]
    actions: frozenset[Action]


class Grant(NamedTuple):
    """What somebody may do in a workspace, and the names of the roles that say so."""

    roles: tuple[str, ...]
    actions: frozenset[Action]
    folders: Mapping[str, FolderGrant] = MappingProxyType({})
    """What the folders of experiments give besides, by their paths."""


class Reach(NamedTuple):
    """How far a call reaches that is not allowed in the whole workspace: as far as folders of experiments.

    An experiment lies in a folder where it has the folder's name, or one that begins with it and ``/``.
    """

    folders: tuple[str, ...]
    """Where the action of the call is allowed."""
    seen: tuple[str, ...] | None
    """Where the caller may know of runs; None for everywhere. What lies elsewhere is not there for them."""
    user: int
    """The key of the user whose roles these are."""
    everywhere: frozenset[Action]
    """What is allowed in the whole workspace."""

    def holds(self, experiment_name: str) -> bool:
        """True for an experiment that lies where the action of the call is allowed."""
        return lies_in(experiment_name, self.folders)

    def shows(self, experiment_name: str) -> bool:
        """True for an experiment of which the caller may know."""
        return self.seen is None or self.holds(experiment_name) or lies_in(experiment_name, self.seen)

    @property
    def sender(self) -> int | None:
        """Whose contents may be named by their digests; None for who may read all contents anyhow."""
        return None if self.seen is None else self.user


def lies_in(experiment_name: str, folders: Sequence[str]) -> bool:
    """True for an experiment that has the name of one of the folders, or lies below one."""
    return any(experiment_name == each or experiment_name.startswith(f"{each}/") for each in folders)


@dataclass(frozen=True)
class Principal:
    """Who calls: a user, a run (its own and what is below it are its), or the supervisor of a web service.

    ``workspace_id`` is the only workspace that the token opens, where there is one, and ``actions`` are the only ones
    that it is for.
    """

    name: str
    workspace_id: str | None = None
    run_id: str | None = None
    webservice: str | None = None
    is_admin: bool = False
    grants: Mapping[str, Grant] = field(default_factory=dict)
    """By the id of the workspace."""
    actions: frozenset[Action] | None = None
    token_id: str | None = None
    """The public id of a user's token."""
    session_id: str | None = None
    """The public id of a user's session, where the call comes by one."""
    user: int = 0
    """The key of the user; for a run that roles on folders bound, the key of whoever submitted it."""
    reach: Reach | None = None
    """How far this call reaches; None for as far as the workspace."""

    @property
    def is_run(self) -> bool:
        """True for a token that lives inside a run."""
        return self.run_id is not None

    @property
    def is_restricted(self) -> bool:
        """True for a token that is for one workspace or some actions only."""
        return self.actions is not None or self.workspace_id is not None

    def sees(self, workspace_id: str) -> bool:
        """True for a workspace that the caller may know of."""
        if self.workspace_id is not None:
            return workspace_id == self.workspace_id
        return self.is_admin or workspace_id in self.grants


@dataclass(frozen=True)
class Target:
    """The object of a call, with its id where it lies inside a workspace.

    ``within_own_run`` tells whether it belongs to the run that calls, or to a run below that; ``within_reach`` whether
    it lies in a folder where the caller may do this, or is a list that holds what lies there alone.
    A web service is named by ``object_id``.
    """

    type: ObjectType
    workspace_id: str | None = None
    object_id: str | None = None
    within_own_run: bool = False
    within_reach: bool = False


RUN_ACTIONS = frozenset({
    Action.SERVER_READ,
    Action.WORKSPACE_READ,
    Action.WORKSPACE_RESOLVE,
    Action.EXPERIMENT_READ,
    Action.RUN_READ,
    Action.RUN_WRITE,
    Action.RUN_SUBMIT,
    Action.RUN_CANCEL,
    Action.RUN_EXECUTE,
    Action.RUN_READ_SECRETS,
    Action.CONTENT_READ,
    Action.CONTENT_WRITE,
    Action.SNAPSHOT_READ,
    Action.SNAPSHOT_WRITE,
    Action.COMPUTE_READ,
    Action.ENVIRONMENT_READ,
    Action.MODEL_READ,
    Action.MODEL_REGISTER,
    Action.MODEL_CHANGE,
    Action.LINEAGE_READ,
    Action.DATASTORE_READ,
    Action.DATA_READ,
    Action.DATA_WRITE,
    Action.DATASET_READ,
    Action.DATASET_WRITE,
})  # fmt: skip
"""What a run token may do, on its own run and below; everything else is its owner's.

Models are read in the whole workspace, as v1 scripts do, and changed where the run registered them. The data of the
workspace's datastores is read and written; whoever may submit a run may do that too.
"""

OF_FOLDERS = frozenset({
    Action.EXPERIMENT_READ,
    Action.EXPERIMENT_WRITE,
    Action.RUN_READ,
    Action.RUN_SUBMIT,
    Action.RUN_WRITE,
    Action.RUN_CANCEL,
    Action.RUN_READ_HOLD,
    Action.RUN_RELEASE_HOLD,
    Action.RUN_DELETE,
    Action.RUN_RESTORE,
    Action.CONTENT_READ,
    Action.CONTENT_WRITE,
    Action.SNAPSHOT_READ,
    Action.SNAPSHOT_WRITE,
    Action.DELETION_READ,
    Action.DELETION_WRITE,
})  # fmt: skip
"""What a role on a folder of experiments can give; all else that it allows is given by a role in the workspace only."""

IN_THE_WHOLE_WORKSPACE = frozenset({
    Action.ENVIRONMENT_READ,
    Action.MODEL_READ,
    Action.MODEL_REGISTER,
    Action.MODEL_CHANGE,
    Action.LINEAGE_READ,
})  # fmt: skip
"""What a run may do beside itself, as far as whoever submitted it may where that one has a role on folders only."""

FOR_EVERYBODY = frozenset({
    Action.SERVER_READ,
    Action.WORKSPACE_READ,
    Action.WORKSPACE_RESOLVE,
    Action.WORKSPACE_CREATE,
    Action.USER_READ,
    Action.TOKEN_WRITE,
    Action.SESSION_READ,
    Action.SESSION_WRITE,
    Action.PASSWORD_WRITE,
})  # fmt: skip
"""What every user may do outside of workspaces: lists hold what they may see; tokens, sessions and password are theirs.
"""

WEBSERVICE_ACTIONS = frozenset({Action.SERVER_READ, Action.CONTENT_READ, Action.ENDPOINT_SERVE})
"""What the token of a web service's supervisor may do."""

OWN_WEBSERVICE_ONLY = "The token of a web service opens that web service only."
OWN_RUNS_ONLY = "A run token opens its own run, that run's children and what belongs to them only."


def authorise(principal: Principal, action: Action, target: Target) -> str:
    """An empty text where the principal may do this, else the sentence that says why not."""
    if principal.webservice is not None:
        return _authorise_webservice(principal, action, target)
    if principal.is_run:
        return _authorise_run(principal, action, target)
    return _authorise_user(principal, action, target)


def reach_of(principal: Principal, action: Action, workspace_id: str) -> Reach | None:
    """How far a caller reaches with an action; None where no folder bounds it."""
    grant = principal.grants.get(workspace_id)
    if grant is None or principal.is_admin or not (grant.folders or principal.is_run):
        return None
    seen = None if Action.RUN_READ in grant.actions else _folders_with(grant, Action.RUN_READ)
    if action not in grant.actions:
        return Reach(_folders_with(grant, action), seen, principal.user, grant.actions)
    if seen is None or action in OF_FOLDERS - _NAMING:
        return None
    # registering a model may name a run: then one that is seen
    return Reach(seen, seen, principal.user, grant.actions)


_NAMING = frozenset({Action.CONTENT_WRITE, Action.SNAPSHOT_WRITE})
"""What sends and names bytes that runs in folders will use, also where it is allowed in the whole workspace."""


def bounded(principal: Principal, action: Action, workspace_id: str | None) -> Principal:
    """The caller with how far this call reaches."""
    if workspace_id is None or not principal.grants or principal.workspace_id not in {None, workspace_id}:
        return principal
    reach = reach_of(principal, action, workspace_id)
    return principal if reach is None else replace(principal, reach=reach)


def refusal_of(principal: Principal, experiment_name: str) -> str:
    """An empty text where a call may reach an experiment of this name, else the sentence that says why not."""
    reach = principal.reach
    if reach is None or reach.holds(experiment_name):
        return ""
    allowed = " or ".join(map(repr, reach.folders)) or "no folder"
    return f"{experiment_name[:80]!r} lies outside of where {principal.name} may do this: {allowed}."


def _folders_with(grant: Grant, action: Action) -> tuple[str, ...]:
    return tuple(sorted(folder for folder, given in grant.folders.items() if action in given.actions))


def _authorise_run(principal: Principal, action: Action, target: Target) -> str:
    if action not in RUN_ACTIONS:
        return f"A run token may not do {action.value}."
    if principal.actions is not None and action not in principal.actions:
        return f"This run may not do {action.value}, since whoever submitted it may not in this workspace."
    if target.workspace_id is not None and target.workspace_id != principal.workspace_id:
        return "A run token opens nothing outside of its workspace."
    if target.object_id is not None and not target.within_own_run:
        return OWN_RUNS_ONLY
    return ""


def _authorise_webservice(principal: Principal, action: Action, target: Target) -> str:
    if action not in WEBSERVICE_ACTIONS:
        return f"The token of a web service may not do {action.value}."
    if target.workspace_id is not None and target.workspace_id != principal.workspace_id:
        return "The token of a web service opens nothing outside of its workspace."
    if target.type is ObjectType.WEBSERVICE and target.object_id != principal.webservice:
        return OWN_WEBSERVICE_ONLY
    return ""


def _authorise_user(principal: Principal, action: Action, target: Target) -> str:
    restriction = _restriction(principal, action, target)
    if restriction or principal.is_admin:
        return restriction
    if target.workspace_id is None:
        return "" if action in FOR_EVERYBODY else f"Only administrators may do {action.value}."
    grant = principal.grants.get(target.workspace_id)
    if grant is None:
        return f"{principal.name} has no role in this workspace. Ask one of its owners to share it."
    if action in grant.actions:
        return ""
    folders = _folders_with(grant, action)
    if folders and target.within_reach:
        return ""
    told = [f"{' and '.join(grant.roles)} in this workspace"] if grant.roles else []
    told += [f"{' and '.join(given.roles)} in the folder {folder!r}" for folder, given in sorted(grant.folders.items())]
    allows = f"allows {action.value} there only" if folders else f"does not allow {action.value}"
    return f"{principal.name} is {' and '.join(told)}, which {allows}."


def _restriction(principal: Principal, action: Action, target: Target) -> str:
    if principal.actions is not None and action not in principal.actions:
        return f"This token is not for {action.value}."
    if principal.workspace_id is not None and target.workspace_id not in {None, principal.workspace_id}:
        return "This token opens one workspace only, and not this one."
    return ""
