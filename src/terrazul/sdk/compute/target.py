"""Compute targets of every kind: found, made, followed and deleted."""

from __future__ import annotations

import math
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Tuple
from urllib.parse import quote

from terrazul.core.clock import from_text, to_datetime
from terrazul.core.errors import ComputeTargetException, ComputeTargetNotFound
from terrazul.sdk.client import Client, class_of, concept
from terrazul.sdk.compute.status import errors_of
from terrazul.sdk.console import say
from terrazul.wire import compute as wire
from terrazul.wire.compute import CLUSTER, REMOTE, NewComputeTarget, ProvisioningState

if TYPE_CHECKING:
    from terrazul.sdk.compute.configuration import (
        ComputeTargetAttachConfiguration,
        ComputeTargetProvisioningConfiguration,
    )
    from terrazul.sdk.workspace import Workspace

_FIRST_GLANCE_SECONDS = 0.1
_LONGEST_GLANCE_SECONDS = 2.0
_MODULES = {CLUSTER: "compute.cluster", REMOTE: "compute.remote"}
_ENDS = (ProvisioningState.SUCCEEDED, ProvisioningState.FAILED)


@concept("compute.target")
class ComputeTarget:
    """A compute target by its name; the object made is of the class that the target has.

    Raises ``ComputeTargetException`` (``ComputeTargetNotFound``) where there is none of that name.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> ComputeTarget:  # noqa: PYI034  # the class of what is found
        """The object of the class that the compute target has."""
        workspace, name = _named(args, kwargs)
        if cls is not ComputeTarget or workspace is None or name is None:
            return super().__new__(cls)
        known = _find(workspace.client, name)
        made: ComputeTarget = super().__new__(_class_of(known.kind))
        made._known = known
        return made

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.workspace = workspace
        self._take(getattr(self, "_known", None) or _find(workspace.client, name))

    @staticmethod
    def _of(workspace: Workspace, known: wire.ComputeTarget) -> ComputeTarget:
        """The object of a compute target that the server told of."""
        made: ComputeTarget = object.__new__(_class_of(known.kind))
        made.workspace = workspace
        made._take(known)
        return made

    @staticmethod
    def create(
        workspace: Workspace, name: str, provisioning_configuration: ComputeTargetProvisioningConfiguration
    ) -> ComputeTarget:
        """Make a compute target; one of that name scales as the configuration says from then on.

        Raises ``ComputeTargetException`` for a name or a configuration that cannot be, and for another size than the
        target of that name has.
        """
        hint = "Pass AmlCompute.provisioning_configuration(...)."
        return ComputeTarget._enter(workspace, name, provisioning_configuration, hint)

    @staticmethod
    def attach(
        workspace: Workspace, name: str, attach_configuration: ComputeTargetAttachConfiguration
    ) -> ComputeTarget:
        """Attach a machine that is there; one of that name is from then on the machine that the configuration says.

        Raises ``ComputeTargetException`` where it cannot be signed in to. See ``RemoteCompute.attach_configuration``.
        """
        hint = "Pass RemoteCompute.attach_configuration(...)."
        return ComputeTarget._enter(workspace, name, attach_configuration, hint)

    @staticmethod
    def _enter(workspace: Workspace, name: str, configuration: Any, hint: str) -> ComputeTarget:
        """Have the server make or attach what a configuration says. Raises ``ComputeTargetException``."""
        request = getattr(configuration, "request", None)
        if request is None:
            message = f"{type(configuration).__name__} is no configuration that a target can be made of."
            raise ComputeTargetException(message, target=str(name), hint=hint)
        configuration.validate_configuration()
        new: NewComputeTarget = request(name)
        return ComputeTarget._of(workspace, workspace.client.post(wire.ComputeTarget, "/computes", new))

    @staticmethod
    def list(workspace: Workspace) -> List[ComputeTarget]:
        """The compute targets of a workspace, by name; without clusters that were made for one run."""
        found = workspace.client.get(List[wire.ComputeTarget], "/computes")
        return [ComputeTarget._of(workspace, each) for each in found if not each.on_demand]

    def wait_for_completion(self, show_output: bool = False, is_delete_operation: bool = False) -> None:
        """Wait until the target is there, or is gone where ``is_delete_operation``."""
        self._follow(show_output=show_output, is_delete_operation=is_delete_operation)

    def refresh_state(self) -> None:
        """Look again at how the target is. Raises ``ComputeTargetException`` where it is gone."""
        self._take(_find(self.workspace.client, self.name))

    def get_status(self) -> Any:
        """How the target is: its provisioning state, for clusters an ``AmlComputeStatus``."""
        self.refresh_state()
        return self.provisioning_state

    def delete(self) -> None:
        """Delete the target. Runs that wait for it fail; raises ``ComputeTargetException`` while it executes some."""
        self.workspace.client.delete(_address(self.name))
        self.provisioning_state = ProvisioningState.DELETING.value

    def detach(self) -> None:
        """Raise ``ComputeTargetException``: what was made here is deleted."""
        message = f"The compute target {self.name!r} was made here, not attached."
        raise ComputeTargetException(message, target=self.name, hint="Delete it with delete().")

    def serialize(self) -> Dict[str, Any]:
        """The target under v1's keys."""
        return {
            "id": self.id,
            "name": self.name,
            "location": self.location,
            "tags": dict(self.tags),
            "properties": {
                "description": self.description,
                "computeType": self.type,
                "computeLocation": self.location,
                "resourceId": self.cluster_resource_id,
                "provisioningState": self.provisioning_state,
                "provisioningErrors": self.provisioning_errors,
                "createdOn": self._known.created_at,
                "modifiedOn": self._known.modified_at,
                "isAttachedCompute": self.is_attached,
                "properties": self._own_properties(),
            },
        }

    def _own_properties(self) -> Dict[str, Any]:
        """What only targets of this kind have, under v1's keys."""
        return {}

    @staticmethod
    def deserialize(workspace: Workspace, object_dict: Mapping[str, Any]) -> ComputeTarget:
        """The target of what ``serialize`` gave, as it is now. Raises ``ComputeTargetException``."""
        name = object_dict.get("name")
        if not isinstance(name, str):
            message = "What is to be deserialized names no compute target."
            raise ComputeTargetException(message, target="name", hint="Pass what serialize() gave.")
        return ComputeTarget._of(workspace, _find(workspace.client, name))

    def _follow(self, *, show_output: bool, is_delete_operation: bool, give_up_at: float = math.inf) -> bool:
        """Wait until the target is there, or is gone, and show v1's words; False when the time is over."""
        shown, pause = "", _FIRST_GLANCE_SECONDS
        while True:
            if show_output and self.provisioning_state != shown:
                shown = self.provisioning_state
                say(shown)
            if self._known.state in _ENDS and not is_delete_operation:
                return True
            if time.monotonic() > give_up_at:
                return False
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_GLANCE_SECONDS)
            try:
                self.refresh_state()
            except ComputeTargetNotFound:
                if not is_delete_operation:
                    raise
                if show_output:
                    say("Delete operation finished")
                return True

    def _take(self, known: wire.ComputeTarget) -> None:
        """Set the fields that v1 code reads."""
        place = f"/subscriptions/{self.workspace.subscription_id}/resourceGroups/{self.workspace.resource_group}"
        self._known = known
        self.name = known.name
        self.type = known.kind
        owner = f"{place}/providers/Microsoft.MachineLearningServices/workspaces/{self.workspace.name}"
        self.id = f"{owner}/computes/{known.name}"
        self.location = self.cluster_location = "local"
        self.tags: Dict[str, str] = dict(known.tags)
        self.description: Optional[str] = known.description or None
        self.created_on: datetime = to_datetime(from_text(known.created_at))
        self.modified_on: datetime = to_datetime(from_text(known.modified_at))
        self.provisioning_state = known.state.value
        self.provisioning_errors = errors_of(known)
        self.cluster_resource_id: Optional[str] = None
        self.is_attached = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}(workspace={self.workspace!r}, name={self.name!r})"


def _named(args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Tuple[Optional[Workspace], Optional[str]]:
    given = dict(zip(("workspace", "name"), args))
    given.update(kwargs)
    return given.get("workspace"), given.get("name")


def _find(client: Client, name: str) -> wire.ComputeTarget:
    """The target of a name. Raises ``ComputeTargetNotFound``."""
    return client.get(wire.ComputeTarget, _address(name))


def _address(name: str) -> str:
    if not name.strip("."):
        message = f"{name!r} cannot be the name of a compute target."
        raise ComputeTargetException(message, target="name", hint="Use 2 to 16 letters, digits and '-'.")
    return f"/computes/{quote(name, safe='')}"


def _class_of(kind: str) -> Any:
    return class_of(_MODULES[kind]) if kind in _MODULES else ComputeTarget
