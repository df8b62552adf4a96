"""Workspaces: the top, which owns everything below."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Sequence, Union

from terrazul.core.errors import AlreadyExists, InvalidInput, WorkspaceException, WorkspaceNotFound
from terrazul.sdk import deletion, workspace_file
from terrazul.sdk.client import Client, class_of, concept, connect
from terrazul.sdk.console import say
from terrazul.sdk.team import Team
from terrazul.sdk.unsupported import not_yet, not_yet_property
from terrazul.wire import workspace as wire
from terrazul.wire.deletion import Deletion, DeletionPreview, Selection
from terrazul.wire.experiment import ExperimentFolder
from terrazul.wire.write import RunChange

if TYPE_CHECKING:
    from terrazul.sdk.compute.configuration import AmlComputeProvisioningConfiguration
    from terrazul.sdk.compute.target import ComputeTarget
    from terrazul.sdk.datastore.abstract import AbstractDatastore
    from terrazul.sdk.environment import Environment
    from terrazul.sdk.experiment import Experiment
    from terrazul.sdk.image import Image
    from terrazul.sdk.keyvault import Keyvault
    from terrazul.sdk.model import Model
    from terrazul.sdk.run import Run
    from terrazul.sdk.webservice.webservice import Webservice

WORKSPACE_DEFAULT_BLOB_STORE_NAME = "workspaceblobstore"
DEFAULT_SUBSCRIPTION = "local"
DEFAULT_RESOURCE_GROUP = "terrazul"

_RUN_SCOPE = ("AZUREML_ARM_SUBSCRIPTION", "AZUREML_ARM_RESOURCEGROUP", "AZUREML_ARM_WORKSPACE_NAME")
_MLFLOW_TOKEN = "MLFLOW_TRACKING_TOKEN"  # noqa: S105  # the name of a variable
_KEYS = "keys of the workspace's own resources"
_NETWORK, _CONNECTIONS = "private endpoints", "workspace connections"


class _DefaultCluster:
    """How v1 makes its default clusters; the class that says it is loaded when somebody looks."""

    def __init__(self, vm_size: str) -> None:
        self._vm_size = vm_size

    def __get__(self, instance: object, owner: type) -> AmlComputeProvisioningConfiguration:
        found: AmlComputeProvisioningConfiguration = class_of("compute.cluster").provisioning_configuration(
            vm_size=self._vm_size, min_nodes=0, max_nodes=2
        )
        return found


@concept("workspace")
class Workspace(Team):
    """A workspace, by v1's three names, which are compared without case.

    The embedded server makes one that it does not know; a shared one raises ``WorkspaceNotFound``.
    """

    DEFAULT_CPU_CLUSTER_CONFIGURATION: Any = _DefaultCluster("STANDARD_DS2_V2")
    DEFAULT_CPU_CLUSTER_NAME = "cpu-cluster"
    DEFAULT_GPU_CLUSTER_CONFIGURATION: Any = _DefaultCluster("STANDARD_NC6")
    DEFAULT_GPU_CLUSTER_NAME = "gpu-cluster"

    def __init__(
        self,
        subscription_id: str,
        resource_group: str,
        workspace_name: str,
        auth: Any = None,
        _location: Optional[str] = None,
        _disable_service_check: bool = False,
        _workspace_id: Optional[str] = None,
        sku: str = "basic",
        tags: Optional[Mapping[str, str]] = None,
        _cloud: str = "AzureCloud",
    ) -> None:
        del _location, tags, _cloud
        self._scope = wire.WorkspaceScope(subscription_id, resource_group, workspace_name)
        self._workspace_id = _workspace_id or _workspace_of_this_run(self._scope)
        self._sku = sku
        self._known: Optional[wire.Workspace] = None
        self._server = _server_of(auth)
        self._client: Optional[Client] = None
        if self._workspace_id is None and not _disable_service_check:
            self._current()

    @staticmethod
    def from_config(
        path: Optional[str] = None, auth: Any = None, _logger: Any = None, _file_name: Optional[str] = None
    ) -> Workspace:
        """The workspace of a ``config.json``.

        A path to a file is that file. Else it is looked for from the folder (or here) upwards: first in every
        ``.azureml``, then in every ``aml_config``, then in the folders themselves. Raises ``UserErrorException`` where
        there is none.
        """
        del _logger
        file = workspace_file.find(Path(path or "."), _file_name)
        return Workspace(*workspace_file.read(file), auth=auth)

    def write_config(self, path: Optional[str] = None, file_name: Optional[str] = None) -> None:
        """Write ``.azureml/config.json`` below a folder, or here, for ``from_config``."""
        workspace_file.write(Path(path or "."), file_name, self._scope)

    @staticmethod
    def create(
        name: str,
        auth: Any = None,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        location: Optional[str] = None,
        create_resource_group: bool = True,
        sku: str = "basic",
        tags: Optional[Mapping[str, str]] = None,
        friendly_name: Optional[str] = None,
        storage_account: Optional[str] = None,
        key_vault: Optional[str] = None,
        app_insights: Optional[str] = None,
        container_registry: Optional[str] = None,
        adb_workspace: Optional[str] = None,
        primary_user_assigned_identity: Optional[str] = None,
        cmk_keyvault: Optional[str] = None,
        resource_cmk_uri: Optional[str] = None,
        hbi_workspace: bool = False,
        default_cpu_compute_target: Any = None,
        default_gpu_compute_target: Any = None,
        private_endpoint_config: Any = None,
        private_endpoint_auto_approval: bool = True,
        exist_ok: bool = False,
        show_output: bool = True,
        user_assigned_identity_for_cmk_encryption: Optional[str] = None,
        system_datastores_auth_mode: str = "accessKey",
        v1_legacy_mode: Optional[bool] = None,
    ) -> Workspace:
        """Make a workspace; the arguments that name resources of the cloud are accepted and not needed.

        Raises ``WorkspaceException`` where there is one of that name, unless ``exist_ok``.
        """
        del create_resource_group, storage_account, key_vault, app_insights, container_registry, adb_workspace
        del primary_user_assigned_identity, cmk_keyvault, resource_cmk_uri, hbi_workspace
        del private_endpoint_config, private_endpoint_auto_approval
        del user_assigned_identity_for_cmk_encryption, system_datastores_auth_mode, v1_legacy_mode
        new = wire.NewWorkspace(
            subscription_id or DEFAULT_SUBSCRIPTION,
            resource_group or DEFAULT_RESOURCE_GROUP,
            name,
            location or "local",
            friendly_name or "",
            tags=dict(tags or {}),
            exist_ok=exist_ok,
        )
        try:
            made = _server_of(auth).post(wire.Workspace, "/workspaces", new, repeatable=exist_ok)
        except AlreadyExists as error:
            raise WorkspaceException(error.message, target=name, hint=error.hint) from error
        if show_output:
            say(f"Workspace {made.name} is ready.")
        workspace = Workspace._of(made, sku, auth)
        wanted = {
            Workspace.DEFAULT_CPU_CLUSTER_NAME: default_cpu_compute_target,
            Workspace.DEFAULT_GPU_CLUSTER_NAME: default_gpu_compute_target,
        }
        for cluster, configuration in wanted.items():
            if configuration is not None:
                class_of("compute.target").create(workspace, cluster, configuration)
        return workspace

    @staticmethod
    def get(
        name: str,
        auth: Any = None,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        location: Optional[str] = None,
        cloud: str = "AzureCloud",
        id: Optional[str] = None,  # noqa: A002  # v1's name
    ) -> Workspace:
        """A workspace that is there. Raises ``WorkspaceNotFound``, or ``WorkspaceException`` where several fit."""
        del location, cloud
        query = {"subscription_id": subscription_id, "resource_group": resource_group}
        found = [
            each
            for each in _server_of(auth).get(List[wire.Workspace], "/workspaces", query)
            if each.name.lower() == name.lower() and id in {None, each.workspace_id}
        ]
        if not found:
            message = f"There is no workspace '{name}'."
            raise WorkspaceNotFound(message, target=name, hint="Workspace.create() makes one.")
        if len(found) > 1:
            message = f"There are {len(found)} workspaces '{name}'."
            raise WorkspaceException(message, target=name, hint="Pass subscription_id and resource_group too.")
        return Workspace._of(found[0], auth=auth)

    @staticmethod
    def list(
        subscription_id: str, auth: Any = None, resource_group: Optional[str] = None
    ) -> Dict[str, List[Workspace]]:
        """The workspaces of a subscription: lists by name, since resource groups may share one."""
        query = {"subscription_id": subscription_id, "resource_group": resource_group}
        by_name: Dict[str, List[Workspace]] = {}
        for each in _server_of(auth).get(List[wire.Workspace], "/workspaces", query):
            by_name.setdefault(each.name, []).append(Workspace._of(each, auth=auth))
        return by_name

    @property
    def client(self) -> Client:
        """The way to this workspace on its server, for Terrazul's own modules."""
        if self._client is None:
            self._client = self._server.in_workspace(self.workspace_id)
        return self._client

    @property
    def workspace_id(self) -> str:
        """The id behind the three names."""
        return self._workspace_id or self._current().workspace_id

    @property
    def name(self) -> str:
        """The name."""
        return self._scope.name

    @property
    def subscription_id(self) -> str:
        """The subscription."""
        return self._scope.subscription_id

    @property
    def resource_group(self) -> str:
        """The resource group."""
        return self._scope.resource_group

    @property
    def location(self) -> str:
        """Where the workspace is; ``local`` unless it was said otherwise."""
        return self._current().location

    @property
    def sku(self) -> str:
        """v1's edition; it makes no difference."""
        return self._sku

    @property
    def tags(self) -> Dict[str, str]:
        """The tags."""
        return dict(self._current().tags)

    @property
    def discovery_url(self) -> str:
        """The address of the server."""
        return self._server.address.url

    @property
    def experiments(self) -> Dict[str, Experiment]:
        """The active experiments by name."""
        return {each.name: each for each in class_of("experiment").list(self)}

    @property
    def environments(self) -> Dict[str, Environment]:
        """The newest version of each environment by name."""
        found: Dict[str, Environment] = class_of("environment").list(self)
        return found

    @property
    def images(self) -> Dict[str, Image]:
        """The images by name, each in its newest version."""
        found: Dict[str, Image] = {}
        for each in class_of("image").list(self):
            found.setdefault(each.name, each)
        return found

    @property
    def webservices(self) -> Dict[str, Webservice]:
        """The web services by name; local ones have a list of their own."""
        return {each.name: each for each in class_of("webservice.webservice").list(self)}

    @property
    def models(self) -> Dict[str, Model]:
        """The newest version of each model by name."""
        return {each.name: each for each in class_of("model").list(self, latest=True)}

    @property
    def datasets(self) -> Dict[str, Any]:
        """The registered datasets by name, each in its newest version, without those that are archived."""
        found: Dict[str, Any] = class_of("dataset.dataset").get_all(self)
        return found

    @property
    def datastores(self) -> Dict[str, AbstractDatastore]:
        """The datastores by name."""
        return {each.name: each for each in class_of("datastore.datastore").list(self)}

    @property
    def compute_targets(self) -> Dict[str, ComputeTarget]:
        """The compute targets by name, without clusters that were made for one run."""
        return {each.name: each for each in class_of("compute.target").list(self)}

    def get_default_compute_target(self, type: str) -> Optional[ComputeTarget]:  # noqa: A002  # v1's name
        """The target ``cpu-cluster`` for ``CPU``, ``gpu-cluster`` for ``GPU``; ``None`` where it is not there.

        Raises ``InvalidInput`` for another type.
        """
        names = {"CPU": self.DEFAULT_CPU_CLUSTER_NAME, "GPU": self.DEFAULT_GPU_CLUSTER_NAME}
        if str(type).upper() not in names:
            message = f"{type!r} is no type of compute target."
            raise InvalidInput(message, target="type", hint="Say 'CPU' or 'GPU'.")
        return self.compute_targets.get(names[str(type).upper()])

    def get_default_datastore(self) -> AbstractDatastore:
        """The default datastore: ``workspaceblobstore``, unless another one was made it."""
        default: AbstractDatastore = class_of("datastore.datastore").get_default(self)
        return default

    def set_default_datastore(self, name: str) -> None:
        """Make a datastore the default. Raises ``NotFound``."""
        class_of("datastore.datastore").get(self, name).set_as_default()

    def get_run(self, run_id: str) -> Run:
        """The run of an id. Raises ``NotFound``."""
        run: Run = class_of("run").get(self, run_id)
        return run

    def search_runs(
        self,
        filter: str = "",  # noqa: A002  # the word of the REST interface and of the command line
        order_by: Union[str, Sequence[str], None] = None,
        experiment_names: Union[str, Sequence[str], None] = None,
        max_results: Optional[int] = None,
        view: str = "active",
    ) -> Iterator[Run]:
        """The runs that meet a filter, children too, newest first unless ``order_by`` says otherwise.

        ``ws.search_runs("metric.acc > 0.9 AND NOT tag.team = 'a'", ["metric.acc DESC"])``. They are fetched as they are
        asked for; what arrives meanwhile moves no page. ``view`` is active, archived, all (both), or deleted for those
        that MLflow's way of deleting left to be restored. Raises ``InvalidInput`` at the first run asked for where the
        filter or the order cannot be read.
        """
        found: Iterator[Run] = class_of("run").search(self, filter, order_by, experiment_names, max_results, view)
        return found

    def experiment_folders(self, folder: str = "") -> List[ExperimentFolder]:
        """The folders that the names of active experiments make, one level below a folder; Terrazul's own."""
        return self.client.get(List[ExperimentFolder], "/experiment-folders", {"folder": folder})

    def change_runs(
        self,
        filter: str,  # noqa: A002  # as in search_runs
        set_tags: Optional[Mapping[str, Any]] = None,
        remove_tags: Sequence[str] = (),
        archived: Optional[bool] = None,
        description: Optional[str] = None,
    ) -> int:
        """Change all runs that meet a filter, archived ones too; how many were changed. Terrazul's own."""
        tags = {key: "" if value is None else str(value) for key, value in (set_tags or {}).items()}
        change = RunChange("", tags, list(remove_tags), archived=archived, description=description)
        found = [run.id for run in self.search_runs(filter, view="all")]
        return max(deletion.change_runs(self.client, found, change), default=0)

    def delete_runs(
        self,
        filter: str,  # noqa: A002  # as in search_runs
        dry_run: bool = False,
    ) -> Union[DeletionPreview, Deletion]:
        """Delete all runs that meet a filter, and those below them, for good; Terrazul's own.

        With ``dry_run`` it is only told what would go. Raises ``Conflict`` while one of them goes on.
        """
        found = [run.id for run in self.search_runs(filter, view="all")]
        if not found:
            message = f"No run meets the filter {filter!r}."
            raise InvalidInput(message, target="filter", hint="Look with search_runs(filter).")
        selection = Selection(run_ids=found)
        return deletion.preview(self.client, selection) if dry_run else deletion.delete(self.client, selection)

    def purge(self, older_than: Union[timedelta, float] = 0, dry_run: bool = False) -> Union[DeletionPreview, Deletion]:
        """Delete for good what was deleted in MLflow's way at least so long (seconds) ago; Terrazul's own.

        With ``dry_run`` it is only told what would go.
        """
        selection = deletion.purge_selection(older_than)
        return deletion.preview(self.client, selection) if dry_run else deletion.delete(self.client, selection)

    def get_details(self) -> Dict[str, Any]:
        """What describes the workspace, as the dictionary that v1 gives."""
        workspace = self._current()
        return {
            "id": f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.name}",
            "name": workspace.name,
            "location": workspace.location,
            "type": "Microsoft.MachineLearningServices/workspaces",
            "tags": dict(workspace.tags),
            "sku": self._sku,
            "workspaceid": workspace.workspace_id,
            "friendlyName": workspace.friendly_name,
            "description": workspace.description,
            "creationTime": workspace.created_at,
            "discoveryUrl": self.discovery_url,
        }

    def get_mlflow_tracking_uri(self, _with_auth: bool = False) -> str:
        """The address for ``mlflow.set_tracking_uri``.

        MLflow's client takes its token from the variable ``MLFLOW_TRACKING_TOKEN``; it is set in this process, unless
        it has a value.
        """
        del _with_auth
        os.environ.setdefault(_MLFLOW_TOKEN, self._server.address.token)
        return f"{self._server.address.url}{self.client.prefix}/mlflow"

    def get_default_keyvault(self) -> Keyvault:
        """The key vault of the workspace."""
        vault: Keyvault = class_of("keyvault")(self)
        return vault

    def update(
        self,
        friendly_name: Optional[str] = None,
        description: Optional[str] = None,
        tags: Optional[Mapping[str, str]] = None,
        image_build_compute: Optional[str] = None,
        service_managed_resources_settings: Any = None,
        primary_user_assigned_identity: Optional[str] = None,
        allow_public_access_when_behind_vnet: Optional[bool] = None,
        v1_legacy_mode: Optional[bool] = None,
    ) -> Dict[str, Any]:
        """Change what describes the workspace; its details then. Settings of the cloud are accepted and not needed."""
        del image_build_compute, service_managed_resources_settings, primary_user_assigned_identity
        del allow_public_access_when_behind_vnet, v1_legacy_mode
        change = wire.WorkspaceChange(friendly_name, description, None if tags is None else dict(tags))
        self._known = self.client.patch(wire.Workspace, "", change)
        return self.get_details()

    def delete(self, delete_dependent_resources: bool = False, no_wait: bool = False) -> None:
        """Delete the workspace and everything in it, for good."""
        del delete_dependent_resources, no_wait
        self.client.delete("")

    service_context: Any = not_yet_property("Workspace.service_context", "v1's internal service clients")
    update_dependencies = not_yet("Workspace.update_dependencies", "container images")
    add_private_endpoint = not_yet("Workspace.add_private_endpoint", _NETWORK)
    delete_private_endpoint_connection = not_yet("Workspace.delete_private_endpoint_connection", _NETWORK)
    private_endpoints: Any = not_yet_property("Workspace.private_endpoints", _NETWORK)
    list_keys = not_yet("Workspace.list_keys", _KEYS)
    sync_keys = not_yet("Workspace.sync_keys", _KEYS)
    diagnose_workspace = not_yet("Workspace.diagnose_workspace", "monitoring")
    set_connection = not_yet("Workspace.set_connection", _CONNECTIONS)
    list_connections = not_yet("Workspace.list_connections", _CONNECTIONS)
    get_connection = not_yet("Workspace.get_connection", _CONNECTIONS)
    delete_connection = not_yet("Workspace.delete_connection", _CONNECTIONS)
    linked_services: Any = not_yet_property("Workspace.linked_services", "linked services")
    setup = staticmethod(not_yet("Workspace.setup", "making resources in the cloud"))

    @staticmethod
    def _of(known: wire.Workspace, sku: str = "basic", auth: Any = None) -> Workspace:
        scope = known.subscription_id, known.resource_group, known.name
        workspace = Workspace(*scope, auth, _workspace_id=known.workspace_id, sku=sku)
        workspace._known = known
        return workspace

    def _current(self) -> wire.Workspace:
        if self._known is None:
            if self._workspace_id is None:
                self._known = self._server.post(wire.Workspace, "/workspaces/resolve", self._scope)
            else:
                self._known = self.client.get(wire.Workspace, "")
            self._workspace_id = self._known.workspace_id
            self._scope = wire.WorkspaceScope(self._known.subscription_id, self._known.resource_group, self._known.name)
        return self._known

    def __repr__(self) -> str:
        return (
            f"Workspace.create(name={self.name!r}, subscription_id={self.subscription_id!r}, "
            f"resource_group={self.resource_group!r})"
        )


def _server_of(auth: Any) -> Client:
    """The server of this process, reached as v1's authentication says."""
    if auth is None:
        return connect()
    from terrazul.sdk.authentication import token_of  # noqa: PLC0415  # most code needs none of it

    return connect(token_of(auth))


def _workspace_of_this_run(scope: wire.WorkspaceScope) -> Optional[str]:
    """The id of a workspace inside of which this process is a run; its token may not look for others."""
    told = [os.environ.get(name, "") for name in _RUN_SCOPE]
    names = [scope.subscription_id, scope.resource_group, scope.name]
    same = [text.lower() for text in told] == [text.lower() for text in names]
    return os.environ.get("AZUREML_WORKSPACE_ID") if same else None
