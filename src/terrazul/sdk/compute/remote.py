"""Machines that are reached over SSH: runs are executed there as they are here."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Dict, Mapping, NoReturn, Optional
from urllib.parse import quote

from terrazul.core.errors import ComputeTargetException
from terrazul.sdk.client import concept
from terrazul.sdk.compute.configuration import RemoteComputeAttachConfiguration
from terrazul.sdk.compute.target import ComputeTarget
from terrazul.sdk.console import say
from terrazul.wire import compute as wire
from terrazul.wire.compute import ComputeTargetChange, ProvisioningState

if TYPE_CHECKING:
    from terrazul.sdk.workspace import Workspace

_HOURS_OF_PATIENCE = 1


@concept("compute.remote")
class RemoteCompute(ComputeTarget):
    """A machine over SSH. It needs an sshd, and a Python from 3.10 on or a way to fetch one."""

    @staticmethod
    def attach_configuration(
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
    ) -> RemoteComputeAttachConfiguration:
        """How a machine is reached, for ``ComputeTarget.attach``. Raises ``ComputeTargetException``.

        ``host_key_fingerprint`` is that of the machine's host key, as ``ssh-keygen -l`` writes it (``SHA256:...``);
        without one, the key that is shown first counts from then on. ``max_concurrent_runs`` is how many runs it
        executes at once, and ``remote_folder`` where Terrazul's files lie there. These, ``tags`` and
        ``description`` are Terrazul's own.
        """
        return RemoteComputeAttachConfiguration(
            username,
            subscription_id,
            resource_group,
            vm_name,
            resource_id,
            address,
            ssh_port,
            password,
            private_key_file,
            private_key_passphrase,
            host_key_fingerprint,
            max_concurrent_runs,
            remote_folder,
            tags,
            description,
        )

    @staticmethod
    def attach(
        workspace: Workspace,
        name: str,
        username: Any,
        address: Optional[str] = None,
        ssh_port: int = 22,
        password: Optional[str] = "",
        private_key_file: Optional[str] = "",
        private_key_passphrase: Optional[str] = "",
    ) -> RemoteCompute:
        """Attach a machine; as ``ComputeTarget.attach``, which takes all that can be said of one."""
        configuration = username
        if not isinstance(username, RemoteComputeAttachConfiguration):
            configuration = RemoteComputeAttachConfiguration(
                username,
                address=address,
                ssh_port=ssh_port,
                password=password,
                private_key_file=private_key_file,
                private_key_passphrase=private_key_passphrase,
            )
        attached = ComputeTarget.attach(workspace, name, configuration)
        assert isinstance(attached, RemoteCompute)  # noqa: S101  # the configuration is one of this class
        return attached

    def wait_for_completion(self, show_output: bool = False, is_delete_operation: bool = False) -> None:
        """Wait until the machine is connected and prepared, or is gone where ``is_delete_operation``.

        Raises ``ComputeTargetException`` that says why it cannot be used.
        """
        give_up_at = time.monotonic() + _HOURS_OF_PATIENCE * 3600
        self._follow(show_output=show_output, is_delete_operation=is_delete_operation, give_up_at=give_up_at)
        if not is_delete_operation and self._known.state is ProvisioningState.FAILED:
            told = " ".join(self._known.errors) or f"The machine of {self.name!r} cannot be used."
            raise ComputeTargetException(told, target=self.name)
        if show_output and not is_delete_operation:
            say(f"The machine is known by its host key {self.host_key_fingerprint}")

    def refresh_state(self) -> None:
        """Look again at how the machine is. Raises ``ComputeTargetException`` where it is detached."""
        super().refresh_state()

    def update(self, max_concurrent_runs: int) -> None:
        """Change how many runs it executes at once; attach it again for the rest. Terrazul's own."""
        change = ComputeTargetChange({"max_concurrent_runs": max_concurrent_runs})
        path = f"/computes/{quote(self.name, safe='')}"
        self._take(self.workspace.client.patch(wire.ComputeTarget, path, change))

    def delete(self) -> NoReturn:
        """Raise ``ComputeTargetException``: a machine that was attached is detached."""
        message = f"The machine {self.name!r} was attached, not made here, so it is not deleted."
        raise ComputeTargetException(message, target=self.name, hint="Detach it with detach().")

    def detach(self) -> None:
        """Forget the machine and its credential; what Terrazul has laid out for it there is removed.

        Runs that wait for it fail; raises ``ComputeTargetException`` while it executes some.
        """
        super().delete()

    def get_credentials(self) -> NoReturn:
        """Raise ``ComputeTargetException``: what a machine is signed in to with does not leave the key vault."""
        message = f"The credential of {self.name!r} lies in the key vault of the server, and does not leave it."
        raise ComputeTargetException(message, target=self.name, hint="Attach it again to change it.")

    def _take(self, known: wire.ComputeTarget) -> None:
        super()._take(known)
        self.address = str(known.settings["address"])
        self.ssh_port = int(known.settings["port"])
        self.username = str(known.settings["username"])
        self.host_key_fingerprint = str(known.settings["host_key"])
        self.max_concurrent_runs = int(known.settings["max_concurrent_runs"])
        self.vm_size = ""
        self.is_attached = True

    def _own_properties(self) -> Dict[str, Any]:
        return {
            "address": self.address,
            "sshPort": self.ssh_port,
            "virtualMachineSize": self.vm_size,
            "administratorAccount": {"username": self.username},
        }
