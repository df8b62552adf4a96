"""A revision made ready on this machine: models, source, environment; and what its workers are started with."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator

from terrazul.node import files, sdk_path
from terrazul.node.connection import Connection, workspace_path
from terrazul.node.environment import accelerator, plan, ready, use
from terrazul.node.log import TimedLog
from terrazul.node.phase import Phases
from terrazul.node.stop import Stop
from terrazul.scoring import variables
from terrazul.scoring.folder import RevisionFolder
from terrazul.scoring.plan import ServingOptions, WorkerPlan
from terrazul.wire.endpoint import Revision, ServiceJob
from terrazul.wire.snapshot import SnapshotFile

_BYTES_PER_GB = 1_000_000_000


class Preparation:
    """Prepares one revision, in a thread of its own; ``stop`` ends it early."""

    def __init__(
        self,
        job: ServiceJob,
        revision: Revision,
        folder: RevisionFolder,
        log: TimedLog,
        stop: Stop,
        enter: Callable[[str], None],
    ) -> None:
        self._job = job
        self._revision = revision
        self._folder = folder
        self._log = log
        self._stop = stop
        self._enter = enter
        self._phases = Phases(lambda *_: None)

    def prepare(self) -> WorkerPlan:
        """Bring everything here. Raises ``TerrazulError`` for what cannot be had, or ``Stopped``."""
        chosen = plan.resolve(self._revision.deployment.environment, serving=True)
        beside = ThreadPoolExecutor(1, "accelerator")
        fast_json = beside.submit(self._fast_json, chosen)
        beside.shutdown(wait=False)
        self._folder.renew()
        with self.phase("models") as notes:
            notes.append(self._fetch(_model_files(self._revision), self._folder.models))
        with self.phase("source") as notes:
            notes.append(
                self._fetch(self._revision.source, self._folder.source / self._revision.deployment.source_folder)
            )
            self._show_models_to_source()
        with self.phase("environment") as notes:
            python = self._environment(chosen, notes)
            sdk = sdk_path.provide(Path(self._job.environments_folder).parent / "sdk")
            surroundings = variables.of_worker(self._job, self._revision, self._folder, python, sdk, fast_json.result())
        deployment = self._revision.deployment
        source = self._folder.source / deployment.source_folder
        return WorkerPlan(
            python=str(python),
            entry_script=str(source / deployment.entry_script) if deployment.entry_script else "",
            driver=deployment.driver.value,
            app_root=str(self._folder.source),
            variables=surroundings,
        )

    def options(self) -> ServingOptions:
        """How the revision's requests are treated."""
        settings = self._revision.settings
        return ServingOptions(
            worker_count=variables.worker_count(self._revision),
            scoring_timeout_ms=variables.scoring_timeout_ms(self._revision),
            queue_limit=settings.queue_limit,
            max_request_wait_ms=settings.max_request_wait_ms,
            max_batch_size=settings.max_batch_size,
            cors_origins=variables.cors_origins(self._revision),
            memory_bytes=None if settings.memory_gb is None else int(settings.memory_gb * _BYTES_PER_GB),
            cpu_cores=settings.cpu_cores,
        )

    @contextmanager
    def phase(self, name: str) -> Iterator[list[str]]:
        """A phase that the server and the log are told of."""
        self._stop.check()
        self._enter(name)
        with self._phases.phase(f"revision {self._revision.number}: {name}", self._log) as notes:
            yield notes

    def _fetch(self, wanted: list[SnapshotFile], root: Path) -> str:
        connection = Connection(self._job)
        self._stop.when_ordered(connection.interrupt)
        files.lay_out(wanted, connection, workspace_path(self._job), root, self._stop)
        connection.close()
        return f"{len(wanted)} files, {sum(file.size for file in wanted)} bytes"

    def _show_models_to_source(self) -> None:
        """v1's ``Model.get_model_path`` looks for ``azureml-models`` in the app root."""
        link = self._folder.source / self._folder.models.name
        if not link.exists():
            link.symlink_to(self._folder.models)

    def _environment(self, chosen: plan.Plan, notes: list[str]) -> Path:
        for note in [*chosen.notes, *chosen.warnings]:
            self._log.line(note)
        if chosen.recipe is None:
            return Path(chosen.python.path)
        folder = Path(self._job.environments_folder)
        use.hold(folder / chosen.recipe.key)
        python = ready.find(chosen.recipe, folder)
        if python is None:
            from terrazul.node.environment.build import Builder, Watcher  # noqa: PLC0415  # what is there needs none

            watcher = Watcher(self._log, self._stop, self._phases.tell)
            python = Builder(chosen.recipe, folder, watcher, self._job.environment_limits).build()
        notes.append(f"environment {chosen.recipe.key}")
        return python

    def _fast_json(self, chosen: plan.Plan) -> Path | None:
        if not variables.wants_fast_json(self._revision):
            return None
        return accelerator.provide(chosen.python, Path(self._job.environments_folder))


def _model_files(revision: Revision) -> list[SnapshotFile]:
    return [
        SnapshotFile(f"{model.name}/{model.version}/{file.path}", file.digest, file.size)
        for model in revision.models
        for file in model.files
    ]
