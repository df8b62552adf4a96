"""How a compute target is to be made: what ``provisioning_configuration`` gives and ``ComputeTarget.create`` takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

from terrazul.core.errors import ComputeTargetException
from terrazul.sdk.compute.status import ScaleSettings
from terrazul.sdk.console import warn
from terrazul.wire.compute import CLUSTER, REMOTE, ClusterSettings, NewComputeTarget

_VM_PRIORITIES = ("dedicated", "lowpriority")
_LOGIN_ACCESS = ("enabled", "disabled", "notspecified")
_IDENTITIES = ("systemassigned", "userassigned")


class ComputeTargetProvisioningConfiguration:
    """How a compute target of some kind is to be made."""

    def __init__(self, type: Any, location: Optional[str]) -> None:  # noqa: A002  # v1's name
        self._compute_type = type
        self.location = location

    def validate_configuration(self) -> None:
        """Accept every configuration; each kind has its own check."""


class ComputeTargetAttachConfiguration:
    """How a compute target that is there already is reached."""

    def __init__(self, type: Any) -> None:  # noqa: A002  # v1's name
        self._compute_type = type

    def validate_configuration(self) -> None:
        """Accept every configuration; each kind has its own check."""


class RemoteComputeAttachConfiguration(ComputeTargetAttachConfiguration):
    """How a machine is reached over SSH.

    ``host_key_fingerprint``, ``max_concurrent_runs``, ``remote_folder``, ``tags``, ``description`` are Terrazul's own.
    """

    def __init__(
        self,
        username: str,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        vm_name: Optional[str] = None,
        resource_id: Optional[str] = None,
        address: Optional[str] = None,
        ssh_port: int = 22,
        password: Optional[str] = "",
        private_key_file: Optional[str] = "",
        private_key_passphrase: Optional[str] = "",
        host_key_fingerprint: str = "",
        max_concurrent_runs: int = 1,
        remote_folder: str = "",
        tags: Optional[Mapping[str, str]] = None,
        description: Optional[str] = None,
    ) -> None:
        super().__init__(REMOTE)
        self.username = username
        self.subscription_id = subscription_id
        self.resource_group = resource_group
        self.vm_name = vm_name
        self.resource_id = resource_id
        self.address = address
        self.ssh_port = ssh_port
        self.password = password
        self.private_key_file = private_key_file
        self.private_key_passphrase = private_key_passphrase
        self.host_key_fingerprint = host_key_fingerprint
        self.max_concurrent_runs = max_concurrent_runs
        self.remote_folder = remote_folder
        self.tags = tags
        self.description = description
        self.validate_configuration()

    def validate_configuration(self) -> None:
        """Raise ``ComputeTargetException`` where it does not say which machine, or how to sign in to it."""
        if self.resource_id or self.vm_name:
            message = "Machines are found by their address here, not by a resource of Azure"
            raise _wrong_machine("resource_id" if self.resource_id else "vm_name", message)
        if not self.address:
            raise _wrong_machine("address", "There is no address of the machine")
        if not self.username:
            raise _wrong_machine("username", "There is no name of the user on the machine")
        if type(self.ssh_port) is not int:
            raise _wrong_machine("ssh_port", f"ssh_port is {self.ssh_port!r}, and must be a whole number")
        if bool(self.password) == bool(self.private_key_file):
            raise _wrong_machine("password", "The machine is signed in to with a password or a private_key_file")

    def request(self, name: str) -> NewComputeTarget:
        """What the server is asked for, under a name. Terrazul's own.

        Raises ``ComputeTargetException`` where the file of the private key cannot be read.
        """
        settings = {
            "address": self.address,
            "port": self.ssh_port,
            "username": self.username,
            "host_key": self.host_key_fingerprint,
            "max_concurrent_runs": self.max_concurrent_runs,
            **({"folder": self.remote_folder} if self.remote_folder else {}),
        }
        return NewComputeTarget(
            name, REMOTE, settings, dict(self.tags or {}), self.description or "", self._credential()
        )

    def _credential(self) -> Dict[str, str]:
        if not self.private_key_file:
            return {"password": self.password or ""}
        path = Path(self.private_key_file).expanduser()
        try:
            key = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            why = getattr(problem, "strerror", None) or "it is no text"
            raise _wrong_machine("private_key_file", f"The private key {path} cannot be read: {why}") from None
        passphrase = {"private_key_passphrase": self.private_key_passphrase} if self.private_key_passphrase else {}
        return {"private_key": key, **passphrase}


class ComputeTargetUpdateConfiguration:
    """What changes of a compute target."""

    def __init__(self, type: Any) -> None:  # noqa: A002  # v1's name
        self._compute_type = type

    def validate_configuration(self) -> None:
        """Accept every configuration; each kind has its own check."""


class AmlComputeProvisioningConfiguration(ComputeTargetProvisioningConfiguration):
    """How a cluster is to be made.

    Networks, logins and identities of machines in the cloud are checked and have no effect: that is told.
    """

    def __init__(
        self,
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
        compute_location: Optional[str] = None,
        enable_node_public_ip: bool = True,
    ) -> None:
        super().__init__(CLUSTER, compute_location)
        self.vm_size = vm_size
        self.vm_priority = vm_priority
        self.scale_settings = ScaleSettings(min_nodes, max_nodes, idle_seconds_before_scaledown)
        self.admin_username = admin_username
        self.admin_user_password = admin_user_password
        self.admin_user_ssh_key = admin_user_ssh_key
        self.vnet_resourcegroup_name = vnet_resourcegroup_name
        self.vnet_name = vnet_name
        self.subnet_name = subnet_name
        self.tags = tags
        self.description = description
        self.remote_login_port_public_access = remote_login_port_public_access
        self.identity_type = identity_type
        self.identity_id = identity_id
        self.compute_location = compute_location
        self.enable_node_public_ip = enable_node_public_ip
        self.validate_configuration()

    def validate_configuration(self) -> None:
        """Raise ``ComputeTargetException`` for values that no cluster can have."""
        low, high = self.scale_settings.minimum_node_count, self.scale_settings.maximum_node_count
        self._check_numbers()
        _one_of("vm_priority", self.vm_priority, _VM_PRIORITIES)
        _one_of("remote_login_port_public_access", self.remote_login_port_public_access, _LOGIN_ACCESS)
        if high is not None and (low or 0) > high:
            raise _wrong("min_nodes", f"min_nodes is {low}, more than max_nodes, which is {high}")
        network = (self.vnet_resourcegroup_name, self.vnet_name, self.subnet_name)
        if any(network) and not all(network):
            raise _wrong("vnet_name", "vnet_resourcegroup_name, vnet_name and subnet_name are given together or not")
        if self.admin_username and not (self.admin_user_password or self.admin_user_ssh_key):
            raise _wrong("admin_username", "admin_username comes without admin_user_password or admin_user_ssh_key")
        if self.identity_type is not None:
            _one_of("identity_type", self.identity_type, _IDENTITIES)

    def request(self, name: str) -> NewComputeTarget:
        """What the server is asked for, under a name; what has no effect there is told. Terrazul's own."""
        told = {
            "admin_username": self.admin_username,
            "vnet_name": self.vnet_name,
            "identity_type": self.identity_type,
            "remote_login_port_public_access": _given(self.remote_login_port_public_access, "NotSpecified"),
            "enable_node_public_ip": _given(self.enable_node_public_ip, True),
        }
        without_effect = [name for name, value in told.items() if value is not None]
        if without_effect:
            warn(f"{', '.join(without_effect)}: for machines in the cloud, and without effect here.")
        return NewComputeTarget(name, CLUSTER, self._settings(), dict(self.tags or {}), self.description or "")

    def _settings(self) -> Dict[str, Any]:
        scale = self.scale_settings
        given = {
            "vm_size": self.vm_size or "",
            "vm_priority": self.vm_priority,
            "min_nodes": scale.minimum_node_count,
            "max_nodes": scale.maximum_node_count,
            "idle_seconds_before_scaledown": scale.idle_seconds_before_scaledown,
        }
        known = {name: value for name, value in given.items() if value is not None}
        least = known.get("min_nodes", 0)
        known.setdefault("max_nodes", max(ClusterSettings.max_nodes, least))
        return known

    def _check_numbers(self) -> None:
        scale = self.scale_settings
        numbers = (
            ("min_nodes", scale.minimum_node_count, 0),
            ("max_nodes", scale.maximum_node_count, 1),
            ("idle_seconds_before_scaledown", scale.idle_seconds_before_scaledown, 0),
        )
        for name, value, least in numbers:
            if value is not None and (type(value) is not int or value < least):
                raise _wrong(name, f"{name} is {value!r}, and must be a whole number from {least} on")


def _one_of(name: str, value: object, known: Any) -> None:
    if str(value).lower() not in known:
        raise _wrong(name, f"{name} is {value!r}, and must be one of {', '.join(known)}")


def _given(value: object, default: object) -> object:
    return None if value == default else value


def _wrong_machine(name: str, what: str) -> ComputeTargetException:
    hint = "Such as RemoteCompute.attach_configuration(username, address=..., private_key_file=...)."
    return ComputeTargetException(f"{what}.", target=name, hint=hint)


def _wrong(name: str, what: str) -> ComputeTargetException:
    return ComputeTargetException(f"{what}.", target=name, hint="See AmlCompute.provisioning_configuration(...).")
