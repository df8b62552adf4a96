"""Clusters: nodes that come when runs wait, and go when nobody needs them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, NoReturn, Optional
from urllib.parse import quote

from terrazul.core.errors import ComputeTargetException
from terrazul.sdk.client import class_of, concept
from terrazul.sdk.compute.configuration import AmlComputeProvisioningConfiguration
from terrazul.sdk.compute.status import AmlComputeStatus, scale_settings_of, status_of
from terrazul.sdk.compute.target import ComputeTarget
from terrazul.sdk.console import say
from terrazul.wire import compute as wire
from terrazul.wire.compute import ComputeNode, ComputeSize, ComputeTargetChange
from terrazul.wire.quota import Quota

if TYPE_CHECKING:
    from terrazul.sdk.run import Run
    from terrazul.sdk.run_search import Texts
    from terrazul.sdk.workspace import Workspace

_GLANCE_SECONDS = 0.25
_ACTIVE = ["NotStarted", "Queued", "Provisioning", "Preparing", "Starting", "Running", "Finalizing", "CancelRequested"]


@concept("compute.cluster")
class AmlCompute(ComputeTarget):
    """A cluster. On one machine its nodes are places on that machine, made at once."""

    @staticmethod
    def provisioning_configuration(
        vm_size: str = "",
        vm_priority: str = "dedicated",
        min_nodes: int = 0,
        max_nodes: Optional[int] = None,
        idle_seconds_before_scaledown: int = 1800,
        admin_username: Optional[str] = None,
        admin_user_password: Optional[str] = None,
        admin_user_ssh_key: Optional[str] = None,
        vnet_resourcegroup_name: Optional[str] = None,
        vnet_name: Optional[str] = None,
        subnet_name: Optional[str] = None,
        tags: Optional[Mapping[str, str]] = None,
        description: Optional[str] = None,
        remote_login_port_public_access: str = "NotSpecified",
        identity_type: Optional[str] = None,
        identity_id: Optional[List[str]] = None,
        location: Optional[str] = None,
        enable_node_public_ip: bool = True,
    ) -> AmlComputeProvisioningConfiguration:
        """How a cluster is to be made, for ``ComputeTarget.create``. Raises ``ComputeTargetException``.

        ``vm_size`` is any name of a size, kept and told; what a node has, ``supported_vmsizes`` tells.
        """
        return AmlComputeProvisioningConfiguration(
            vm_size,
            vm_priority,
            min_nodes,
            max_nodes,
            idle_seconds_before_scaledown,
            admin_username,
            admin_user_password,
            admin_user_ssh_key,
            vnet_resourcegroup_name,
            vnet_name,
            subnet_name,
            tags,
            description,
            remote_login_port_public_access,
            identity_type,
            identity_id,
            location,
            enable_node_public_ip,
        )

    def wait_for_completion(  # type: ignore[override]  # v1's order of the arguments
        self,
        show_output: bool = False,
        min_node_count: Optional[int] = None,
        timeout_in_minutes: float = 25,
        is_delete_operation: bool = False,
    ) -> None:
        """Wait until the cluster is there with so many nodes (those that it keeps at least), or is gone.

        For more nodes than it keeps it does not wait: those come when runs wait for them.
        """
        give_up_at = time.monotonic() + timeout_in_minutes * 60
        deleting = is_delete_operation
        in_time = self._follow(show_output=show_output, is_delete_operation=deleting, give_up_at=give_up_at)
        if is_delete_operation:
            return
        least = self.scale_settings.minimum_node_count or 0
        wanted = least if min_node_count is None else min_node_count
        while in_time and self._nodes < min(wanted, least) and not self.provisioning_errors:
            in_time = time.monotonic() < give_up_at
            time.sleep(_GLANCE_SECONDS)
            self.refresh_state()
        if show_output:
            say("AmlCompute wait for completion finished\n")
            say(self._outcome(wanted, in_time=in_time))

    def refresh_state(self) -> None:
        """Look again at how the cluster is. Raises ``ComputeTargetException`` where it is gone."""
        super().refresh_state()

    def get_status(self) -> AmlComputeStatus:
        """How the cluster is, with how many nodes in which state."""
        self.refresh_state()
        return self.status

    def get(self) -> Dict[str, Any]:
        """The cluster as it is now, under v1's keys."""
        self.refresh_state()
        return self.serialize()

    def update(
        self,
        min_nodes: Optional[int] = None,
        max_nodes: Optional[int] = None,
        idle_seconds_before_scaledown: Optional[int] = None,
        *,
        max_running_per_user: Optional[int] = None,
    ) -> None:
        """Change how the cluster scales; what is ``None`` stays. Raises ``ComputeTargetException``.

        ``max_running_per_user`` is how many runs of one user it executes at once; 0 for no limit. v1 has no such limit.
        """
        given = {
            "min_nodes": min_nodes,
            "max_nodes": max_nodes,
            "idle_seconds_before_scaledown": idle_seconds_before_scaledown,
            "max_running_per_user": max_running_per_user,
        }
        change = ComputeTargetChange({name: value for name, value in given.items() if value is not None})
        self._take(self.workspace.client.patch(wire.ComputeTarget, self._path, change))

    def list_nodes(self) -> List[Dict[str, Any]]:
        """The nodes, each with its id, its state, and the run that it executes."""
        found = self.workspace.client.get(List[ComputeNode], self._path + "/nodes")
        return [
            {
                "nodeId": each.node_id,
                "port": None,
                "publicIpAddress": None,
                "privateIpAddress": None,
                "nodeState": each.state.value,
                "runId": each.run_id,
            }
            for each in found
        ]

    def get_active_runs(
        self,
        type: Optional[str] = None,  # noqa: A002  # v1's name
        tags: Texts = None,
        properties: Texts = None,
        status: Optional[str] = None,
    ) -> Iterator[Run]:
        """The runs that wait for the cluster or are executed on it; with a ``status`` those in that state."""
        states = _ACTIVE if status is None else status
        found: Iterator[Run] = class_of("run").list_by_compute(self, type, tags, properties, states)
        return found

    def add_identity(self, identity_type: str, identity_id: Optional[List[str]] = None) -> None:
        """Raise ``ComputeTargetException``: there are no managed identities here."""
        del identity_type, identity_id
        self._no_identities()

    def remove_identity(self, identity_id: Optional[List[str]] = None) -> None:
        """Raise ``ComputeTargetException``: there are no managed identities here."""
        del identity_id
        self._no_identities()

    @staticmethod
    def supported_vmsizes(workspace: Workspace, location: Optional[str] = None) -> List[Dict[str, Any]]:
        """What the nodes have: the server's machine, which they share. Any name of a size is taken for it."""
        del location
        return [
            {
                "name": each.name,
                "vCPUs": each.cores,
                "gpus": each.gpus,
                "memoryGB": round(each.memory_bytes / (1 << 30), 1),
                "maxResourceVolumeMB": each.disk_bytes >> 20,
            }
            for each in workspace.client.get(List[ComputeSize], "/compute-sizes")
        ]

    @staticmethod
    def list_usages(
        workspace: Workspace, show_all: bool = False, location: Optional[str] = None
    ) -> List[Dict[str, Any]]:
        """How many nodes the clusters of the workspace have together, and may have; a limit of 0 is none."""
        del show_all, location
        quota = workspace.client.get(Quota, "/quota")
        limit = quota.limits.compute_nodes or 0
        return [{"name": "compute nodes", "currentValue": quota.compute_nodes, "limit": limit, "unit": "Count"}]

    @staticmethod
    def list_quotas(workspace: Workspace, location: Optional[str] = None) -> List[Dict[str, Any]]:
        """How many nodes the clusters of the workspace may have together; a limit of 0 is none."""
        del location
        limit = workspace.client.get(Quota, "/quota").limits.compute_nodes or 0
        return [{"name": "compute nodes", "limit": limit, "unit": "Count"}]

    @staticmethod
    def update_quotas(
        workspace: Workspace, vm_family: Any, limit: Optional[int] = None, location: Optional[str] = None
    ) -> NoReturn:
        """Raise ``ComputeTargetException``: families of machines have no quotas here, workspaces have."""
        del workspace, vm_family, limit, location
        message = "Families of machines have no quotas here."
        hint = "Limit the nodes of a workspace: ws.set_quota(compute_nodes=...)."
        raise ComputeTargetException(message, target="vm_family", hint=hint)

    @property
    def _path(self) -> str:
        return f"/computes/{quote(self.name, safe='')}"

    @property
    def _nodes(self) -> int:
        return self.status.current_node_count or 0

    def _take(self, known: wire.ComputeTarget) -> None:
        super()._take(known)
        self.status = status_of(known)
        self.vm_size = self.status.vm_size
        self.vm_priority = self.status.vm_priority
        self.scale_settings = scale_settings_of(known)
        self.admin_username = self.admin_user_password = self.admin_user_ssh_key = None
        self.vnet_resourcegroup_name = self.vnet_name = self.subnet_name = None
        self.remote_login_port_public_access = "NotSpecified"
        self.identity_type = self.identity_id = None

    def _own_properties(self) -> Dict[str, Any]:
        return {
            "vmSize": self.vm_size,
            "vmPriority": self.vm_priority,
            "scaleSettings": self.scale_settings.serialize(),
            "userAccountCredentials": None,
            "subnet": None,
        }

    def _outcome(self, wanted: int, *, in_time: bool) -> str:
        if self._nodes >= wanted:
            return "Minimum number of nodes requested have been provisioned"
        if not in_time:
            return (
                "Wait timeout has been reached\n"
                f'Current provisioning state of AmlCompute is "{self.provisioning_state}" '
                f'and current node count is "{self._nodes}"'
            )
        if self.provisioning_errors:
            told = "\n".join(each["error"]["message"] for each in self.provisioning_errors)
            return f"There were errors reported from AmlCompute:\n{told}"
        return (
            f'Terminal state of "{self.provisioning_state}" has been reached with {self._nodes} nodes; '
            "more come when runs wait for them"
        )

    def _no_identities(self) -> NoReturn:
        message = f"The cluster {self.name!r} has no managed identity: there are none outside of the cloud."
        hint = "Keep secrets in the key vault: ws.get_default_keyvault()."
        raise ComputeTargetException(message, target=self.name, hint=hint)
