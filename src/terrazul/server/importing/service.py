"""Taking in things from elsewhere under the ids, numbers and times that they have there; each is taken once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import Connection

from terrazul.core.clock import Clock, check_time, to_text
from terrazul.core.errors import AlreadyExists, Conflict, InvalidInput, NotFound, TerrazulError
from terrazul.core.ids import check_experiment_name, check_model_name, new_guid
from terrazul.core.paths import check_relative_path
from terrazul.server.blobs import store as contents
from terrazul.server.environment import service as environments
from terrazul.server.experiment import store as experiments
from terrazul.server.experiment.store import DEFAULT_NUMBER
from terrazul.server.identity.rules import Principal
from terrazul.server.mlflow import registry_store as registry
from terrazul.server.mlflow.registry_store import NO_STAGE
from terrazul.server.mlflow.service.models import STATUSES
from terrazul.server.mlflow.service.recording import dataset_row, metric_row
from terrazul.server.mlflow.service.registry import check_alias, check_stage
from terrazul.server.model.rules import Kept
from terrazul.server.model.service import Models
from terrazul.server.run.rules import check_point, is_word
from terrazul.server.run.service.lifecycle import Notify
from terrazul.server.run.store import inputs, logged_model
from terrazul.server.run.store import run as runs
from terrazul.server.run.store.inputs import ModelRow
from terrazul.server.run.store.logged_model import LoggedModelRow
from terrazul.server.sql.database import Database
from terrazul.server.sql.named_texts import NamedTexts
from terrazul.wire.experiment import Experiment
from terrazul.wire.importing import (
    ImportAnswer,
    ImportBatch,
    ImportedDataset,
    ImportedEnvironment,
    ImportedExperiment,
    ImportedLoggedModel,
    ImportedMetric,
    ImportedName,
    ImportedRun,
    ImportedVersion,
)
from terrazul.wire.metric import MetricPoint
from terrazul.wire.mlflow.message import Dataset, DatasetInput, Pair
from terrazul.wire.write import Refusal

T = TypeVar("T")
_MODEL_ID_LIMIT = 64
_LARGEST_VERSION = 10**9
_LARGEST_STEP = 2**63


class Importing:
    """Takes in what imports into all workspaces bring."""

    def __init__(self, database: Database, models: Models, clock: Clock, notify: Notify) -> None:
        self._database = database
        self._models = models
        self._clock = clock
        self._notify = notify

    async def take(self, workspace: int, batch: ImportBatch, principal: Principal) -> ImportAnswer:
        """Take in a batch; when this returns, it is on disk. What cannot be taken is refused by itself."""

        def first(connection: Connection) -> list[Refusal]:
            part = _Part(connection, workspace, principal, self._clock(), self._notify)
            part.each("experiments", batch.experiments, part.experiment, lambda each: each.name)
            part.each("logged_models", batch.logged_models, part.logged_model, lambda each: each.model_id)
            part.each("runs", batch.runs, part.run, lambda each: each.run_id)
            return part.refusals

        def last(connection: Connection) -> list[Refusal]:
            part = _Part(connection, workspace, principal, self._clock(), self._notify)
            part.each("names", batch.names, part.name, lambda each: each.name)
            part.each("environments", batch.environments, part.environment, lambda each: each.definition.name)
            return part.refusals

        refusals = await self._database.write(first) if batch.experiments or batch.logged_models or batch.runs else []
        for index, version in enumerate(batch.versions):
            refusals += await self._take_version(workspace, index, version, principal)
        if batch.names or batch.environments:
            refusals += await self._database.write(last)
        return ImportAnswer(refusals)

    async def _take_version(
        self, workspace: int, index: int, version: ImportedVersion, principal: Principal
    ) -> list[Refusal]:
        try:
            await self._version(workspace, version, principal)
        except TerrazulError as error:
            target = f"{version.model.name}:{version.version}"[:200]
            return [Refusal("versions", index, error.code, str(error), target)]
        return []

    async def _version(self, workspace: int, version: ImportedVersion, principal: Principal) -> None:
        stage = check_stage(version.stage or NO_STAGE)
        kept = Kept(version.version, version.created_at, version.modified_at)
        model = await self._models.register(workspace, version.model, principal, kept=kept)
        told = {"source": version.source, "run_link": version.run_link, "model_id": version.model_id, "stage": stage}

        def note(connection: Connection) -> None:
            row = registry.find_version(connection, workspace, model.name, model.version)
            if row is not None and not (row.source or row.run_link or row.model_id or row.stage != NO_STAGE):
                registry.set_origin(connection, workspace, row.registered_model, row.version, told)

        await self._database.write(note)


class _Part:
    """What of a batch is taken in one transaction."""

    def __init__(self, connection: Connection, workspace: int, principal: Principal, now: int, notify: Notify) -> None:
        self._connection = connection
        self._workspace = workspace
        self._principal = principal
        self._now = now
        self._notify = notify
        self.refusals: list[Refusal] = []

    def each(self, kind: str, entries: Sequence[T], take: Callable[[T], None], name: Callable[[T], str]) -> None:
        """Take in each entry of a list, in a savepoint of its own."""
        for index, entry in enumerate(entries):
            savepoint = self._connection.begin_nested()
            try:
                take(entry)
            except TerrazulError as error:
                savepoint.rollback()
                self.refusals.append(Refusal(kind, index, error.code, str(error), name(entry)[:200]))
            else:
                savepoint.commit()

    def experiment(self, new: ImportedExperiment) -> None:
        """Make an experiment, or give the one of that name what it lacks."""
        check_experiment_name(new.name)
        created, updated = check_time(new.created_at), check_time(new.updated_at)
        found = experiments.find_by_name(self._connection, self._workspace, new.name)
        if found is None:
            made = Experiment(new_guid(), new.name, new.description, new.tags, to_text(created), self._principal.name)
            found = experiments.add(self._connection, self._workspace, made, created)
            archived = None if new.archived_at is None else check_time(new.archived_at)
            experiments.change(self._connection, found.key, {"updated_at": updated, "archived_at": archived})
        elif found.deleted_at is None:
            there = found.experiment
            values = {"description": there.description or new.description, "tags": {**new.tags, **there.tags}}
            if values != {"description": there.description, "tags": there.tags}:
                experiments.change(self._connection, found.key, values)
            if found.number == DEFAULT_NUMBER and there.run_count == 0:  # nobody made it, it is there by itself
                experiments.change(self._connection, found.key, {"created_at": created, "updated_at": updated})
        if new.deleted and found.deleted_at is None:
            if found.created_at != created or found.number == DEFAULT_NUMBER:
                raise Conflict(
                    f"The experiment {new.name!r} is in use here, so it is not deleted as it is there.",
                    target=new.name[:80],
                )
            experiments.change(self._connection, found.key, {"deleted_at": self._now})
            runs.delete_all_of(self._connection, found.key, self._now)

    def run(self, new: ImportedRun) -> None:
        """Note what a run read and made, and delete it softly if that is told."""
        row = runs.existing(self._connection, self._workspace, new.run_id)
        inputs.put_datasets(self._connection, row, [dataset_row(_as_told(each)) for each in new.datasets])
        models = [ModelRow(made=False, model_id=_checked_id(each), step=0) for each in new.read_models]
        models += [
            ModelRow(made=True, model_id=_checked_id(each), step=_checked(step, _LARGEST_STEP))
            for each, step in new.made_models.items()
        ]
        inputs.put_models(self._connection, row, models)
        if new.deleted and not row.deleted:
            if not row.interactive:
                raise Conflict(f"The run {row.run_id} was submitted here, so it is not deleted.", target=row.run_id)
            runs.change(self._connection, row.key, {"deleted_at": self._now})
        self._notify(self._connection, row.key)

    def logged_model(self, new: ImportedLoggedModel) -> None:
        """Make a logged model, or give the one of that id what it lacks."""
        row = self._logged_model(new)
        self._add_texts(logged_model.parameter, row.key, new.parameters)
        self._add_texts(logged_model.tag, row.key, new.tags)
        known = {each.path for each in logged_model.files_of(self._connection, row.key, "")}
        held = contents.find(self._connection, self._workspace, {each.digest for each in new.files})
        for file in new.files:
            path = check_relative_path(file.path)
            if file.digest not in held:
                raise NotFound(f"The bytes of {path!r} have not arrived.", target=path, hint="Send the content first.")
            if path not in known:
                size = held[file.digest].size
                logged_model.put_file(self._connection, row, path, file.digest, size, row.created_at)
        for each in new.metrics:
            self._metric(row, each)

    def _logged_model(self, new: ImportedLoggedModel) -> LoggedModelRow:
        _checked_id(new.model_id)
        found = logged_model.find(self._connection, self._workspace, new.model_id)
        if found is not None:
            return found
        experiment = experiments.find_by_name(self._connection, self._workspace, new.experiment_name)
        if experiment is None:
            raise NotFound(f"There is no experiment {new.experiment_name[:80]!r} here.", target=new.model_id)
        if new.status not in STATUSES:
            raise InvalidInput(f"{new.status[:40]!r} is not the status of a logged model.", target=new.model_id)
        run = runs.find(self._connection, self._workspace, new.run_id) if new.run_id else None
        values = {
            "workspace": self._workspace, "model_id": new.model_id, "experiment": experiment.key,
            "run": run.key if run else None, "name": new.name or new.model_id, "model_type": new.model_type,
            "status": STATUSES[new.status], "created_at": check_time(new.created_at),
            "created_by": self._principal.name, "updated_at": check_time(new.updated_at),
        }  # fmt: skip
        logged_model.add(self._connection, values)
        return logged_model.existing(self._connection, self._workspace, new.model_id)

    def _metric(self, row: LoggedModelRow, new: ImportedMetric) -> None:
        point = MetricPoint(new.run_id, new.key, new.value, new.time, step=new.step)
        check_point(point)
        if isinstance(new.value, bool) or not (isinstance(new.value, (int, float)) or is_word(new.value)):
            raise InvalidInput(f"The metric {new.key[:80]!r} of a logged model is no number.", target=new.key[:80])
        run = runs.existing(self._connection, self._workspace, new.run_id)
        values = metric_row(run, row.key, point, new.dataset_name, new.dataset_digest)
        logged_model.put_metrics(self._connection, [values])

    def name(self, new: ImportedName) -> None:
        """Make a registered model, or give the one of that name what it lacks."""
        check_model_name(new.name)
        created, updated = check_time(new.created_at), check_time(new.updated_at)
        last_version = _checked(new.last_version, _LARGEST_VERSION)
        if registry.find_name(self._connection, self._workspace, new.name) is None:
            registry.add_name(self._connection, self._workspace, new.name, created, self._principal.name)
        row = registry.find_name(self._connection, self._workspace, new.name)
        if row is None:  # it was entered a moment ago
            raise NotFound(f"There is no model {new.name!r}.", target=new.name)
        registry.set_back(self._connection, row.key, created, last_version)
        if not row.description:
            registry.describe(self._connection, self._workspace, row.key, new.description, updated)
        self._add_texts(registry.name_tag, row.key, new.tags)
        there = registry.aliases(self._connection, [row.key]).get(row.key, {})
        for alias, version in new.aliases.items():
            check_alias(alias)
            _checked(version, _LARGEST_VERSION)
            if registry.find_version(self._connection, self._workspace, new.name, version) is None:
                raise NotFound(
                    f"The alias {alias!r} of {new.name!r} stands for the version {version}, which is not here.",
                    target=f"{new.name}:{version}",
                )
            if there.get(alias, version) != version:
                raise AlreadyExists(
                    f"The alias {alias!r} of {new.name!r} stands for the version {there[alias]} here.", target=alias
                )
            registry.set_alias(self._connection, self._workspace, row.key, alias, version)

    def environment(self, new: ImportedEnvironment) -> None:
        """Enter a version of an environment, if it is not there."""
        if not 1 <= new.version < _LARGEST_VERSION:
            raise InvalidInput(
                f"{str(new.version)[:40]} is not a version of an environment.",
                target="version",
                hint="Versions count from 1.",
            )
        created = check_time(new.created_at)
        environments.keep(self._connection, self._workspace, new.definition, new.version, created, self._principal.name)

    def _add_texts(self, kind: NamedTexts, key: int, wanted: Mapping[str, str]) -> None:
        there = kind.of(self._connection, [key]).get(key, {})
        kind.set(self._connection, self._workspace, key, {name: wanted[name] for name in wanted if name not in there})


def _as_told(given: ImportedDataset) -> DatasetInput:
    """A dataset as the protocol writes it, whose rules it must meet."""
    about = Dataset(given.name, given.digest, given.source_type, given.source, given.schema, given.profile)
    return DatasetInput([Pair(key, value) for key, value in given.tags.items()], about)


def _checked(number: int, limit: int) -> int:
    if not 0 <= number < limit:
        raise InvalidInput(f"{str(number)[:40]} is not a number below {limit}, from 0 on.", target=str(number)[:40])
    return number


def _checked_id(model_id: str) -> str:
    if not 1 <= len(model_id) <= _MODEL_ID_LIMIT:
        raise InvalidInput(f"{model_id[:80]!r} is not the id of a logged model.", target=model_id[:80])
    return model_id
