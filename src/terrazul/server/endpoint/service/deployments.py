"""Deployments: looking at what is to be served, and finding all that a compute needs for it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from sqlalchemy import Connection

from terrazul.core.errors import NotFound, WebserviceException
from terrazul.core.ids import check_snapshot_id
from terrazul.server.endpoint.rules import ModelFacts, check_models, check_source
from terrazul.server.endpoint.store.webservice import RevisionRow
from terrazul.server.model.service import load_model
from terrazul.server.snapshot import store as snapshots
from terrazul.server.snapshot.service import Snapshots
from terrazul.server.sql.database import Database
from terrazul.wire.endpoint import DeployedModel, Deployment, Driver, Revision
from terrazul.wire.snapshot import SnapshotFile


class Deployments:
    """What web services and images serve."""

    def __init__(self, database: Database, snapshots: Snapshots) -> None:
        self._database = database
        self._snapshots = snapshots

    async def check(self, workspace: int, deployment: Deployment) -> None:
        """Raise ``WebserviceException`` for a source, entry script or environment that cannot be served."""
        if deployment.driver is Driver.ENTRY_SCRIPT and not deployment.snapshot_id and deployment.entry_script:
            raise WebserviceException(
                "The deployment has an entry script and no source directory.",
                target="snapshot_id",
                hint="Send the source directory first, and name its snapshot.",
            )
        try:
            files = await self._source(workspace, deployment)
        except NotFound as problem:
            raise WebserviceException(
                problem.message, target=problem.target, hint="Send the source directory."
            ) from None
        check_source(deployment, {file.path for file in files})

    def settle(self, connection: Connection, workspace: int, deployment: Deployment) -> Deployment:
        """The deployment with the models' ids as they are written here, part of the caller's transaction.

        Raises ``ModelNotFoundException``, or ``WebserviceException`` for models that its driver cannot serve.
        """
        if deployment.snapshot_id and snapshots.find(connection, workspace, deployment.snapshot_id) is None:
            raise NotFound(
                f"The snapshot {deployment.snapshot_id} is not held any more.",
                target=deployment.snapshot_id,
                hint="Deploy again: that sends the source directory anew.",
            )
        models = [load_model(connection, workspace, model_id) for model_id in deployment.models]
        check_models(
            deployment.driver, [ModelFacts(each.id, each.mlflow is not None, each.file_count) for each in models]
        )
        return replace(deployment, models=[each.id for each in models])

    async def revision(self, workspace: int, row: RevisionRow) -> Revision:
        """All that a compute needs to serve a revision."""
        source = await self._source(workspace, row.deployment)
        return await self._database.read(partial(_with_models, workspace=workspace, row=row, source=source))

    async def _source(self, workspace: int, deployment: Deployment) -> list[SnapshotFile]:
        if not deployment.snapshot_id:
            return []
        manifest = await self._snapshots.manifest(workspace, check_snapshot_id(deployment.snapshot_id))
        return manifest.files


def _with_models(connection: Connection, workspace: int, row: RevisionRow, source: list[SnapshotFile]) -> Revision:
    models = [load_model(connection, workspace, model_id) for model_id in row.deployment.models]
    mlflow_folder = ""
    if row.deployment.driver is Driver.MLFLOW and models[0].mlflow:
        mlflow_folder = str(models[0].mlflow.get("folder", ""))
    return Revision(
        number=row.number,
        deployment=row.deployment,
        settings=row.settings,
        source=source,
        models=[DeployedModel(each.name, each.version, each.files) for each in models],
        mlflow_folder=mlflow_folder,
    )
