"""The roles that every installation has, as data; their names and rights are those of Azure Machine Learning.

Unlike there, a Reader sees no credential.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from terrazul.core.errors import InvalidInput
from terrazul.server.identity.rules import OF_FOLDERS, Action

READING = frozenset({
    Action.WORKSPACE_READ,
    Action.EXPERIMENT_READ,
    Action.RUN_READ,
    Action.CONTENT_READ,
    Action.SNAPSHOT_READ,
    Action.COMPUTE_READ,
    Action.ENVIRONMENT_READ,
    Action.MODEL_READ,
    Action.ENDPOINT_READ,
    Action.SECRET_LIST,
    Action.LINEAGE_READ,
    Action.DATASTORE_READ,
    Action.DATA_READ,
    Action.DATASET_READ,
    Action.DELETION_READ,
    Action.MEMBER_READ,
    Action.QUOTA_READ,
})  # fmt: skip
"""What everybody may do with whom a workspace is shared."""

_WORK = frozenset({
    Action.EXPERIMENT_WRITE,
    Action.RUN_SUBMIT,
    Action.RUN_WRITE,
    Action.RUN_CANCEL,
    Action.RUN_READ_HOLD,  # it tells a path of a machine
    Action.RUN_RELEASE_HOLD,
    Action.RUN_DELETE,
    Action.RUN_RESTORE,
    Action.DELETION_WRITE,
    Action.CONTENT_WRITE,
    Action.SNAPSHOT_WRITE,
    Action.ENVIRONMENT_WRITE,
    Action.MODEL_REGISTER,
    Action.MODEL_CHANGE,
    Action.MODEL_CHANGE_ALL,
    Action.MODEL_DELETE,
    Action.ENDPOINT_WRITE,
    Action.ENDPOINT_DELETE,
    Action.ENDPOINT_READ_KEYS,
    Action.ENDPOINT_WRITE_KEYS,
    Action.SECRET_READ,
    Action.SECRET_WRITE,
    Action.WEBHOOK_READ,  # the address of a webhook often holds what opens it
    Action.WEBHOOK_WRITE,
    Action.IMPORT_WRITE,
    Action.DATASTORE_WRITE,
    Action.DATA_WRITE,
    Action.DATA_DELETE,
    Action.DATASET_WRITE,
    Action.DATASET_DELETE,
})  # fmt: skip
_COMPUTE = frozenset({Action.COMPUTE_WRITE, Action.COMPUTE_DELETE})
_CHANGES_OF_THE_WORKSPACE = frozenset({Action.WORKSPACE_CHANGE, Action.WORKSPACE_DELETE})
_ORDER = frozenset({Action.RUN_PRIORITISE})
_ACTIVITY = frozenset({Action.ACTIVITY_READ})
_SHARING = frozenset({Action.MEMBER_WRITE})
OF_WORKSPACES = READING | _WORK | _COMPUTE | _CHANGES_OF_THE_WORKSPACE | _SHARING | _ACTIVITY | _ORDER
"""Every action that a role can give: the others belong to administrators, to runs and to web services."""


BESIDE_FOLDERS = frozenset({Action.WORKSPACE_READ})
"""What a role on a folder gives in the workspace: to know that it is there."""


class BuiltIn(NamedTuple):
    """A role that is always there."""

    description: str
    actions: frozenset[Action]


OWNER = "Owner"
BUILT_IN = {
    OWNER: BuiltIn("Everything, sharing included.", OF_WORKSPACES),
    "Contributor": BuiltIn("Everything but sharing.", OF_WORKSPACES - _SHARING),
    "Data Scientist": BuiltIn(
        "All work, but no change of the workspace itself or of its computes, no run before those of others by a "
        "higher priority, and no look at its activity log.",
        OF_WORKSPACES - _SHARING - _COMPUTE - _CHANGES_OF_THE_WORKSPACE - _ACTIVITY - _ORDER,
    ),
    "Compute Operator": BuiltIn("Reads, and manages computes.", READING | _COMPUTE),
    "Reader": BuiltIn("Reads everything but credentials.", READING),
}
"""By name, the mightiest first."""


def actions_of(names: Iterable[str]) -> frozenset[Action]:
    """The actions of some names. Raises ``InvalidInput`` for a name of none.

    In a name ``*`` stands for one part between slashes, and at the end for all that follow: ``run/*``, ``*/read``.
    """
    found: set[Action] = set()
    for name in names:
        fitting = {each for each in Action if _fits(each, name)}
        if not fitting:
            raise InvalidInput(
                f"{name[:80]!r} is no action.", target=name[:80], hint="`terrazul role show Owner` lists them."
            )
        found |= fitting
    return frozenset(found)


def on_a_folder(actions: frozenset[Action]) -> frozenset[Action]:
    """What is left of a role's actions where it is given on a folder of experiments."""
    return actions & OF_FOLDERS


def known_actions_of(names: Iterable[str]) -> frozenset[Action]:
    """As ``actions_of``, of names that were checked; what this version does not know is nothing."""
    return frozenset(each for each in Action if any(_fits(each, name) for name in names))


def _fits(action: Action, name: str) -> bool:
    wanted, parts = name.split("/"), action.value.split("/")
    if wanted[-1] == "*" and len(parts) > len(wanted):
        parts = parts[: len(wanted)]
    return len(wanted) == len(parts) and all(each in {"*", part} for each, part in zip(wanted, parts, strict=True))
