"""The services of one server, put together; the only place that knows all of them."""

from __future__ import annotations

import asyncio
import getpass
import os
from dataclasses import field
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.dataclass import dataclass
from terrazul.core.home import Home
from terrazul.core.settings import Settings
from terrazul.server.activity.service.log import Activity
from terrazul.server.blobs.choice import open_storage
from terrazul.server.blobs.parts import Parts
from terrazul.server.blobs.service import Contents
from terrazul.server.blobs.storage import Storage
from terrazul.server.changes import Changes
from terrazul.server.compute.kinds.cluster import ClusterCompute
from terrazul.server.compute.kinds.local import LocalCompute
from terrazul.server.compute.kinds.remote import RemoteCompute
from terrazul.server.compute.provider import NodeProvider
from terrazul.server.compute.providers.embedded import EmbeddedNodes
from terrazul.server.compute.providers.remote import RemoteNodes
from terrazul.server.compute.remote.machines import Machines
from terrazul.server.compute.service.attached import AttachedMachines
from terrazul.server.compute.service.kinds import Computes
from terrazul.server.compute.service.scaler import SCALER, Scaler
from terrazul.server.compute.service.targets import ComputeTargets
from terrazul.server.compute.store import count_nodes
from terrazul.server.dataset.looking import DatasetLooking
from terrazul.server.dataset.profiles import DatasetProfiles
from terrazul.server.dataset.service import Datasets
from terrazul.server.datastore.service.built_in import BuiltIn
from terrazul.server.datastore.service.datastores import Datastores
from terrazul.server.datastore.service.files import DataFiles
from terrazul.server.datastore.service.opening import Grounds, Opening
from terrazul.server.datastore.store import size_of
from terrazul.server.deletion.service.collector import Collector
from terrazul.server.deletion.service.deletions import REMOVER, Deletions
from terrazul.server.deletion.service.remover import Remover
from terrazul.server.endpoint.kinds.local import LocalEndpoint
from terrazul.server.endpoint.service.deployments import Deployments
from terrazul.server.endpoint.service.images import Images
from terrazul.server.endpoint.service.keeper import KEEPER, Keeper
from terrazul.server.endpoint.service.secrets import ServiceSecrets
from terrazul.server.endpoint.service.supervision import Supervision, waited_for
from terrazul.server.endpoint.service.webservices import Place, Webservices, webservices_in
from terrazul.server.environment.service import Environments
from terrazul.server.experiment.service import Experiments
from terrazul.server.hold.service import HOLDS, Holds
from terrazul.server.hold.store import until_of
from terrazul.server.identity.names import owner_name
from terrazul.server.identity.service.authentication import Identities
from terrazul.server.identity.service.passwords import Hashes, Passwords
from terrazul.server.identity.service.provider import ProviderClient
from terrazul.server.identity.service.sessions import Sessions
from terrazul.server.identity.service.sharing import Sharing
from terrazul.server.identity.service.single_sign_on import SingleSignOn
from terrazul.server.identity.service.users import Users
from terrazul.server.identity.sign_in import DAY, MINUTE, Lifetime
from terrazul.server.importing.service import Importing
from terrazul.server.leadership import Leadership
from terrazul.server.mlflow import registry_store
from terrazul.server.mlflow.service import Mlflow
from terrazul.server.mlflow.service.experiments import MlflowExperiments
from terrazul.server.mlflow.service.files import MlflowFiles
from terrazul.server.mlflow.service.models import MlflowModels
from terrazul.server.mlflow.service.recording import MlflowRecording
from terrazul.server.mlflow.service.registry import MlflowRegistry
from terrazul.server.mlflow.service.runs import MlflowRuns
from terrazul.server.model.service import Models
from terrazul.server.network.outgoing import Outgoing
from terrazul.server.network.tunnel import Tunnel
from terrazul.server.queue.admission import Admission
from terrazul.server.queue.service import QUEUE, Dispatcher, active_runs
from terrazul.server.queue.store import awaited_nodes, count_by_user
from terrazul.server.quota.rules import Limits
from terrazul.server.quota.service import Quotas
from terrazul.server.run.service.datasets import RunDatasets
from terrazul.server.run.service.files import Files
from terrazul.server.run.service.lifecycle import RunLifecycle
from terrazul.server.run.service.reach import Sight
from terrazul.server.run.service.runs import Runs
from terrazul.server.run.service.search import RunSearching
from terrazul.server.run.service.secrets import RunSecrets
from terrazul.server.run.service.writing import Writing
from terrazul.server.run.store import inputs, log, logged_model  # noqa: F401  # as above
from terrazul.server.run.store import run as run_store
from terrazul.server.session import variables_of_storage
from terrazul.server.snapshot.service import Snapshots
from terrazul.server.sql.database import Database, after_commit, tell
from terrazul.server.sql.kind import DatabaseKind, Thing
from terrazul.server.sql.witness import witness
from terrazul.server.vault.kind import Surroundings
from terrazul.server.vault.service.secrets import Secrets
from terrazul.server.vault.service.vault import Vault, place_of
from terrazul.server.webhook.service.deliverer import DELIVERER, Deliverer
from terrazul.server.webhook.service.outbox import Outbox
from terrazul.server.webhook.service.sender import Sender
from terrazul.server.webhook.service.webhooks import Webhooks
from terrazul.server.workspace.service import Workspaces
from terrazul.wire import codec
from terrazul.wire.compute import CLUSTER, LOCAL, REMOTE
from terrazul.wire.node import EnvironmentLimits
from terrazul.wire.server import ServerFile


@dataclass
class JobFacts:
    """What jobs say of the server."""

    environments_folder: str
    server_url: str = ""
    data_cache_bytes: int = 0
    data_mount_bytes: int = 0
    environment_limits: EnvironmentLimits = field(default_factory=EnvironmentLimits)


class Services:
    """Everything the routes speak to."""

    def __init__(self, home: Home, settings: Settings, clock: Clock, kind: DatabaseKind) -> None:
        storage = _storage_of(settings, home)  # first, while this is the only thread
        self.home = home
        self.settings = settings
        self.clock = clock
        self.started_at = clock()
        self.pid = os.getpid()
        self.owner = owner_name(getpass.getuser())
        self.changes = Changes()
        self.database = Database(kind, shared=settings.processes > 1)
        self.activity = Activity(self.database, clock)
        self.facts = JobFacts(
            str(home.environments_folder),
            data_cache_bytes=settings.data_cache_bytes,
            data_mount_bytes=settings.data_mount_bytes,
            environment_limits=EnvironmentLimits(
                settings.environment_build_seconds, settings.environment_build_bytes, settings.environments_bytes
            ),
        )
        self.quotas = Quotas(
            self.database, _limits_of(settings), count_by_user, size_of, count_nodes, self._notify_scaler
        )
        self._begin_contents(storage, clock)
        self._begin_identity(settings)
        self._built_in = BuiltIn(self.database, home.data_folder, self.quotas.check_storage)
        hindrances = (active_runs, webservices_in)
        self.workspaces = Workspaces(
            self.database, self.contents, clock, hindrances, self.sharing.welcome, self._built_in.clear,
            log.objects_of, shared=settings.shared,
        )  # fmt: skip
        place_of_keys = place_of(settings.master_key_kind, Surroundings(home, os.environ))
        self.vault = Vault(self.database, place_of_keys, clock)
        self.secrets = Secrets(self.database, self.vault)
        self.datastores, self.data_files = self._make_datastores()
        self._begin_datasets(clock)
        self.environments = Environments(self.database, clock)
        self.experiments = Experiments(self.database, clock)
        self.snapshots = Snapshots(self.database, self.contents, clock, limit=settings.snapshot_limit)
        computes, self.computes, self.scaler = self._make_computes()
        admission = Admission(self.quotas.defaults, settings.concurrency)
        self.dispatcher = Dispatcher(self.database, admission, computes, clock)
        self.lifecycle = RunLifecycle(self.identities, clock, self._notify_state, self._notify_holds, self.facts)
        self.runs = Runs(self.database, self.lifecycle, self.computes, admission, self.dispatcher, self.changes, clock)
        self._begin_views_of_runs(admission, computes)
        self.writing = Writing(self.database, self.lifecycle, self.dispatcher, clock, self._notify)
        self.files = Files(
            self.database, self.contents, storage, self.changes, clock, self._notify, log_limit=settings.log_limit
        )
        outbox = Outbox(clock, self._notify_deliverer)
        self.webhooks, self.deliverer = self._make_webhooks()
        self.models = Models(self.database, self.contents, outbox, clock, forget=registry_store.forget_version)
        endpoint = LocalEndpoint(home.services_folder)
        deployments = Deployments(self.database, self.snapshots)
        self.images = Images(self.database, deployments, clock)
        service_secrets = ServiceSecrets(self.vault)
        self.supervision = Supervision(
            self.database, deployments, self.identities, self.changes, clock, self._notify_service, self.facts,
            settings.scoring_host, service_secrets,
        )  # fmt: skip
        self.keeper = Keeper(self.database, endpoint, self.supervision, clock)
        place = Place(endpoint, settings.scoring_host, settings.scoring_port)
        self.webservices = Webservices(
            self.database, deployments, place, self.changes, clock, self._notify_service, self.keeper.wake,
            service_secrets,
        )  # fmt: skip
        self.mlflow = Mlflow(
            MlflowExperiments(self.database, clock),
            MlflowRuns(self.database, self.lifecycle, self.dispatcher, clock, self._notify),
            MlflowRecording(self.database, clock, self._notify),
            MlflowModels(self.database, clock),
            MlflowFiles(self.database, self.contents, self.parts, self.files, self.models, clock, self._notify),
            MlflowRegistry(self.database, self.models, outbox, clock),
        )
        self.importing = Importing(self.database, self.models, clock, self._notify)
        self.remover = Remover(
            self.database, Collector(self.database, self.contents, self.parts, clock), computes, self.changes, clock,
            settings.purge_after_days, self.activity.of_the_server,
        )  # fmt: skip
        self.deletions = Deletions(
            self.database, self.contents, computes, self.changes, clock, self.remover.wake
        )  # fmt: skip

        self.leadership = Leadership(kind, self.changes, self._begin_lead, self._end_lead)
        self._listen()

    def _make_datastores(self) -> tuple[Datastores, DataFiles]:
        self._outgoing = Outgoing(self.settings.destinations)
        self._tunnel = Tunnel(self._outgoing)
        roots = [Path(folder) for folder in self.settings.data_folders]
        grounds = Grounds(self.home.path, roots, self.settings.shared, self._outgoing, self._tunnel)
        opening = Opening(self.database, self.vault, grounds)
        datastores = Datastores(self.database, self.vault, opening, self._built_in, self.clock)
        return datastores, DataFiles(datastores, self._built_in)

    def _make_computes(self) -> tuple[Computes, ComputeTargets, Scaler]:
        here = LocalCompute(self.home.runs_folder)
        nodes = EmbeddedNodes(here, self.home.path)
        attached = AttachedMachines(self.database, self.vault)
        self._machines = Machines(attached.find, self._outgoing, self._serving, self._machine_is_lost)
        attached.use(self._machines)
        afar = RemoteCompute(self._machines)
        targets = ComputeTargets(
            self.database, nodes, attached, awaited_nodes, run_store.ids_of, until_of, self._notify_queue, self.clock
        )
        providers: dict[str, NodeProvider] = {CLUSTER: nodes, REMOTE: RemoteNodes(afar, self._machines)}
        scaler = Scaler(
            self.database, targets, providers, self.quotas, awaited_nodes, self.activity.of_the_server,
            self._notify_queue, self.clock,
        )  # fmt: skip
        return Computes({LOCAL: here, CLUSTER: ClusterCompute(nodes), REMOTE: afar}), targets, scaler

    def _serving(self) -> ServerFile:
        """Where this server answers, as it says to those on its machine."""
        return codec.decode(ServerFile, self.home.server_file.read_bytes())

    def _machine_is_lost(self) -> None:
        """Have the one that scales look, from whatever thread."""
        self.changes.notify_from_thread(SCALER)

    def _begin_views_of_runs(self, admission: Admission, computes: Computes) -> None:
        self.holds = Holds(self.database, computes, self.activity.of_the_server, self._notify_holds, self.clock)
        self.sight = Sight(self.database)
        self.run_datasets = RunDatasets(self.database)
        self.run_secrets = RunSecrets(self.database, self.secrets)
        self.run_searching = RunSearching(self.database, admission)

    def _make_webhooks(self) -> tuple[Webhooks, Deliverer]:
        sender = Sender(self._outgoing, self.clock)
        return (
            Webhooks(self.database, self.vault, sender, self.clock, self._notify_deliverer),
            Deliverer(self.database, self.vault, sender, self.clock),
        )

    def _listen(self) -> None:
        """Have the loops of the process that leads hear what any process has done."""
        self.changes.listen(QUEUE, self.dispatcher.wake)
        self.changes.listen(SCALER, self.scaler.wake)
        self.changes.listen(HOLDS, self.holds.wake)
        self.changes.listen(KEEPER, self.keeper.wake)
        self.changes.listen(REMOVER, self.remover.wake)
        self.changes.listen(DELIVERER, self.deliverer.wake)

    def _begin_datasets(self, clock: Clock) -> None:
        self.datasets = Datasets(self.database, self.contents, self.datastores, self.data_files, clock)
        self.dataset_profiles = DatasetProfiles(self.database, self.datasets, clock)
        self.dataset_looking = DatasetLooking(self.datasets, self.data_files)

    def _begin_contents(self, storage: Storage, clock: Clock) -> None:
        self.contents = Contents(self.database, storage, clock, self.quotas.check_storage)
        self.parts = Parts(self.database, self.contents, storage, clock)

    def _begin_identity(self, settings: Settings) -> None:
        lifetime = Lifetime(settings.session_idle_minutes * MINUTE, settings.session_days * DAY)
        hashes = Hashes()
        self.identities = Identities(self.database, self.clock, lifetime)
        self.users = Users(self.database, self.identities, self.clock, settings.oidc_issuer)
        self.sharing = Sharing(self.database, self.identities, self.clock)
        self.passwords = Passwords(self.database, self.identities, hashes, self.clock)
        self.sessions = Sessions(self.database, self.identities, hashes, lifetime, self.clock)
        client = ProviderClient(settings, self.clock)
        self.single_sign_on = SingleSignOn(self.database, self.identities, client, self.clock)

    def _notify(self, connection: Connection, run: int) -> None:
        self._changed(connection, run)

    def _notify_state(self, connection: Connection, run: int) -> None:
        self._changed(connection, run)
        tell(connection, QUEUE)
        self._notify_scaler(connection)

    def _notify_queue(self, connection: Connection) -> None:
        self._changed(connection, QUEUE)
        self._notify_scaler(connection)

    def _notify_holds(self, connection: Connection) -> None:
        self._changed(connection, HOLDS)
        self._notify_queue(connection)

    def _notify_scaler(self, connection: Connection) -> None:
        self._changed(connection, SCALER)

    def _notify_service(self, connection: Connection, webservice: int) -> None:
        self._changed(connection, waited_for(webservice))

    def _notify_deliverer(self, connection: Connection) -> None:
        self._changed(connection, DELIVERER)

    def _changed(self, connection: Connection, thing: Thing) -> None:
        after_commit(connection, partial(self.changes.notify_from_thread, thing))
        tell(connection, thing)

    def _begin_lead(self) -> None:
        self.dispatcher.start(self.lifecycle)
        self.scaler.start()
        self.holds.start()
        self.keeper.start()
        self.remover.start(self.deletions)
        self.deliverer.start()

    async def _end_lead(self) -> None:
        await self.deliverer.stop()
        await self.remover.stop()
        await self.keeper.stop()
        await self.holds.stop()
        await self.scaler.stop()
        await self.dispatcher.stop()
        await asyncio.to_thread(self._machines.let_go_of_all)

    async def start(self, token: str) -> None:
        """Begin to work: the owner's token counts, runs and web services are looked after by the process that leads."""
        witness.set(self.activity.of_the_server())  # for this task, and those that are made below
        self.changes.start()
        self.activity.start()
        await self.identities.set_owner_token(token, self.owner)
        await self.vault.start()
        self.leadership.start()

    async def stop(self) -> None:
        """Finish what was accepted and let go of the files. Runs and web services go on."""
        self.changes.close()
        await self.leadership.stop()
        self._machines.stop()
        await self._tunnel.stop()
        await self.vault.stop()
        await self.activity.stop()
        self.database.close()


def _storage_of(settings: Settings, home: Home) -> Storage:
    with variables_of_storage():
        return open_storage(
            settings.storage, settings.storage_endpoint, home.blobs_folder, direct=settings.storage_direct
        )


def _limits_of(settings: Settings) -> Limits:
    """What counts for a workspace without a quota of its own."""
    return Limits(
        settings.quota_storage_bytes,
        settings.quota_concurrent_runs,
        settings.quota_running_per_user,
        settings.quota_waiting_per_user,
        settings.quota_compute_nodes,
    )
