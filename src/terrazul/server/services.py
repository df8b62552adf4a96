"""The services of one server, put together; the only place that knows all of them."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.home import Home
from terrazul.core.settings import Settings
from terrazul.server.blobs.kinds.local import LocalStorage
from terrazul.server.blobs.service import Contents
from terrazul.server.changes import Changes
from terrazul.server.compute.kinds.local import LocalCompute
from terrazul.server.compute.service import LOCAL, Computes
from terrazul.server.endpoint.kinds.local import LocalEndpoint
from terrazul.server.endpoint.service.deployments import Deployments
from terrazul.server.endpoint.service.images import Images
from terrazul.server.endpoint.service.keeper import Keeper
from terrazul.server.endpoint.service.supervision import Supervision, waited_for
from terrazul.server.endpoint.service.webservices import Place, Webservices, webservices_in
from terrazul.server.environment.service import Environments
from terrazul.server.experiment.service import Experiments
from terrazul.server.identity.names import owner_name
from terrazul.server.identity.service.authentication import Identities
from terrazul.server.identity.service.sharing import Sharing
from terrazul.server.identity.service.users import Users
from terrazul.server.mlflow.service import Mlflow
from terrazul.server.mlflow.service.experiments import MlflowExperiments
from terrazul.server.mlflow.service.files import MlflowFiles
from terrazul.server.mlflow.service.models import MlflowModels
from terrazul.server.mlflow.service.recording import MlflowRecording
from terrazul.server.mlflow.service.registry import MlflowRegistry
from terrazul.server.mlflow.service.runs import MlflowRuns
from terrazul.server.model.service import Models
from terrazul.server.queue.service import Dispatcher, active_runs
from terrazul.server.run.service.files import Files
from terrazul.server.run.service.lifecycle import RunLifecycle
from terrazul.server.run.service.runs import Runs
from terrazul.server.run.service.search import RunSearching
from terrazul.server.run.service.writing import Writing
from terrazul.server.run.store import inputs, logged_model  # noqa: F401  # as above
from terrazul.server.snapshot.service import Snapshots
from terrazul.server.sql.database import Database, after_commit
from terrazul.server.sql.migration import migrate
from terrazul.server.workspace.service import Workspaces


@dataclass
class JobFacts:
    """What jobs say of the server."""

    environments_folder: str
    server_url: str = ""


class Services:
    """Everything the routes speak to."""

    def __init__(self, home: Home, settings: Settings, clock: Clock) -> None:
        migrate(home.database_file)
        self.home = home
        self.settings = settings
        self.clock = clock
        self.started_at = clock()
        self.owner = owner_name(getpass.getuser())
        self.changes = Changes()
        self.database = Database(home.database_file)
        self.facts = JobFacts(str(home.environments_folder))
        storage = LocalStorage(home.blobs_folder)
        self.contents = Contents(self.database, storage)
        self.identities = Identities(self.database, clock)
        self.sharing = Sharing(self.database, self.identities, clock)
        hindrances = (active_runs, webservices_in)
        self.workspaces = Workspaces(
            self.database, self.contents, clock, hindrances, self.sharing.welcome, shared=settings.shared
        )
        self.users = Users(self.database, self.identities, clock)
        self.environments = Environments(self.database, clock)
        self.experiments = Experiments(self.database, clock)
        self.snapshots = Snapshots(self.database, self.contents, clock, limit=settings.snapshot_limit)
        computes = Computes({LOCAL: LocalCompute(home.runs_folder)})
        self.dispatcher = Dispatcher(self.database, computes, clock, settings.concurrency)
        self.lifecycle = RunLifecycle(self.identities, clock, self._notify, self.facts)
        self.runs = Runs(self.database, self.lifecycle, computes, self.dispatcher, self.changes, clock)
        self.run_searching = RunSearching(self.database)
        self.writing = Writing(self.database, self.lifecycle, self.dispatcher, clock, self._notify)
        self.files = Files(self.database, self.contents, storage, self.changes, clock, log_limit=settings.log_limit)
        self.models = Models(self.database, self.contents, clock)
        endpoint = LocalEndpoint(home.services_folder)
        deployments = Deployments(self.database, self.snapshots)
        self.images = Images(self.database, deployments, clock)
        self.supervision = Supervision(
            self.database, deployments, self.identities, self.changes, clock, self._notify_service, self.facts,
            settings.scoring_host,
        )  # fmt: skip
        self.keeper = Keeper(self.database, endpoint, self.supervision, clock)
        place = Place(endpoint, settings.scoring_host, settings.scoring_port)
        self.webservices = Webservices(
            self.database, deployments, place, self.changes, clock, self._notify_service, self.keeper.wake
        )
        self.mlflow = Mlflow(
            MlflowExperiments(self.database, clock),
            MlflowRuns(self.database, self.lifecycle, self.dispatcher, clock, self._notify),
            MlflowRecording(self.database, clock, self._notify),
            MlflowModels(self.database, clock),
            MlflowFiles(self.database, self.contents, self.files, self.models, clock, self._notify),
            MlflowRegistry(self.database, self.models, clock),
        )

    def _notify(self, connection: Connection, run: int) -> None:
        after_commit(connection, partial(self.changes.notify_from_thread, run))

    def _notify_service(self, connection: Connection, webservice: int) -> None:
        after_commit(connection, partial(self.changes.notify_from_thread, waited_for(webservice)))

    async def start(self, token: str) -> None:
        """Begin to work: the owner's token counts, runs and web services are looked after."""
        self.changes.start()
        await self.identities.set_owner_token(token, self.owner)
        self.dispatcher.start(self.lifecycle)
        self.keeper.start()

    async def stop(self) -> None:
        """Finish what was accepted and let go of the files. Runs and web services go on."""
        self.changes.close()
        await self.keeper.stop()
        await self.dispatcher.stop()
        self.database.close()
