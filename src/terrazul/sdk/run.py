"""Runs: one execution each, with its metrics, files, logs and children."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Type, Union

from terrazul.core.clock import now
from terrazul.core.errors import (
    ActivityFailedException,
    ExperimentExecutionException,
    InvalidInput,
    NotFound,
    RunEnvironmentException,
)
from terrazul.core.ids import check_snapshot_id, new_guid
from terrazul.sdk import deletion, run_datasets
from terrazul.sdk.client import RUN_SERVER_VARIABLE, RUN_TOKEN_VARIABLE, Client, Request, class_of, concept
from terrazul.sdk.console import say
from terrazul.sdk.content import fetch_file
from terrazul.sdk.run_details import error_of
from terrazul.sdk.run_recording import RunRecording
from terrazul.sdk.run_search import Texts, pairs, search, search_by_text, texts_in, view_of
from terrazul.sdk.unsupported import not_yet
from terrazul.wire import run as wire
from terrazul.wire.deletion import Deletion, DeletionPreview, Selection
from terrazul.wire.lineage import DatasetUse, Edge
from terrazul.wire.run import RunError, RunState
from terrazul.wire.write import NewRun, RunChange, StateChange

if TYPE_CHECKING:
    from terrazul.sdk.compute.target import ComputeTarget
    from terrazul.sdk.experiment import Experiment
    from terrazul.sdk.keyvault import Keyvault
    from terrazul.sdk.model import Model
    from terrazul.sdk.offline_run import _OfflineRun
    from terrazul.sdk.resource_configuration import ResourceConfiguration
    from terrazul.sdk.workspace import Workspace
    from terrazul.wire.model import ModelFile

SCRIPT_RUN_TYPE = "azureml.scriptrun"
RUN_VARIABLES = (
    "AZUREML_RUN_ID",
    "AZUREML_ARM_SUBSCRIPTION",
    "AZUREML_ARM_RESOURCEGROUP",
    "AZUREML_ARM_WORKSPACE_NAME",
    "AZUREML_ARM_PROJECT_NAME",
    RUN_TOKEN_VARIABLE,
    RUN_SERVER_VARIABLE,
)
"""What a submitted script finds in its environment; where one is missing, its run is offline."""
_RUN_PATIENCE_SECONDS = 600.0


def in_submitted_run() -> bool:
    """Whether this process belongs to a submitted run."""
    return all(os.environ.get(name) for name in RUN_VARIABLES)


def patient(client: Client) -> Client:
    """The client as it is, or inside of a submitted run one that waits for a server that is away.

    There the runner also answers that the server is away while the bytes that a request needs are still on their way.
    """
    return client.within(client.prefix, _RUN_PATIENCE_SECONDS) if in_submitted_run() else client


RunFactory = Callable[["Experiment", wire.Run], "Run"]
_factories: Dict[str, RunFactory] = {}


@concept("run")
class Run(RunRecording):
    """One execution. Made by ``Experiment.start_logging``, ``Experiment.submit`` and ``Run.get_context``.

    Used as a context manager it is completed at the end, or failed by the exception that left the block. Making the
    object of an id that is not known raises ``NotFound``.
    """

    def __init__(self, experiment: Experiment, run_id: str, outputs: Optional[str] = None, **kwargs: Any) -> None:
        super().__init__(experiment, run_id, kwargs.get("_record"))
        self._outputs = outputs
        self._ended = False
        if self._known is None and kwargs.get("_ask", True):
            self._fetch()

    @classmethod
    def get_context(
        cls, allow_offline: bool = True, used_for_context_manager: bool = False, **kwargs: Any
    ) -> Union[Run, _OfflineRun]:
        """The run that this process executes: the submitted one, or an offline run outside of one.

        Raises ``RunEnvironmentException`` outside of one if ``allow_offline`` is false.
        """
        del used_for_context_manager, kwargs
        if in_submitted_run():
            submitted: Run = class_of("submitted_run").of_environment()
            return submitted
        if not allow_offline:
            message = "Could not load a submitted run: this process was not started by one."
            raise RunEnvironmentException(message, hint="Use experiment.start_logging() to make an interactive run.")
        offline: _OfflineRun = class_of("offline_run")()
        return offline

    @classmethod
    def get_submitted_run(cls, **kwargs: Any) -> Union[Run, _OfflineRun]:
        """v1's older name for ``get_context``."""
        return cls.get_context(**kwargs)

    @staticmethod
    def get(workspace: Workspace, run_id: str) -> Run:
        """The run of an id, in whatever experiment of the workspace. Raises ``NotFound``."""
        return rehydrated(workspace, workspace.client.get(wire.Run, f"/runs/{run_id}"))

    @staticmethod
    def search(
        workspace: Workspace,
        filter: str = "",  # noqa: A002  # the word of the REST interface and of the command line
        order_by: Union[str, Sequence[str], None] = None,
        experiment_names: Union[str, Sequence[str], None] = None,
        max_results: Optional[int] = None,
        view: str = "active",
    ) -> Iterator[Run]:
        """The runs of a workspace that meet a filter; see ``Workspace.search_runs``."""
        wanted = wire.RunSearch(
            filter,
            texts_in(order_by, "order_by") or [],
            texts_in(experiment_names, "experiment_names"),
            view=view_of(view),
        )
        found = search_by_text(workspace.client, wanted, max_results)
        return (rehydrated(workspace, record) for record in found)

    @staticmethod
    def list(
        experiment: Experiment,
        type: Optional[str] = None,  # noqa: A002  # v1's name
        tags: Texts = None,
        properties: Texts = None,
        status: Optional[str] = None,
        include_children: bool = False,
        _rehydrate_runs: bool = True,
    ) -> Iterator[Run]:
        """The runs of an experiment that fit the filters, newest first, fetched as they are asked for."""
        del _rehydrate_runs
        found = search(
            experiment.workspace.client,
            experiment_name=experiment.name,
            type=type,
            tag=pairs(tags),
            property=pairs(properties),
            state=status,
            include_children=include_children,
        )
        return (rehydrated(experiment.workspace, record, experiment) for record in found)

    @staticmethod
    def add_type_provider(runtype: str, run_factory: RunFactory) -> None:
        """Have runs of a type made by a function of experiment and record."""
        _factories[runtype] = run_factory

    @staticmethod
    def list_by_compute(
        compute: ComputeTarget,
        type: Optional[str] = None,  # noqa: A002  # v1's name
        tags: Texts = None,
        properties: Texts = None,
        status: Union[str, Sequence[str], None] = None,
    ) -> Iterator[Run]:
        """The runs of a compute target that fit the filters, newest first, children too."""
        found = search(
            compute.workspace.client,
            target=compute.name,
            type=type,
            tag=pairs(tags),
            property=pairs(properties),
            state=texts_in(status, "status"),
            include_children=True,
        )
        return (rehydrated(compute.workspace, record) for record in found)

    clean = not_yet("Run.clean", "removing what runs leave on compute targets")

    @property
    def input_datasets(self) -> Mapping[str, Any]:
        """The datasets that the run reads, by the names of its inputs.

        Inside of the run, what was mounted or downloaded is given by its path.
        """
        return run_datasets.of_uses(self._experiment.workspace, self._dataset_uses(), made=False)

    @property
    def output_datasets(self) -> Mapping[str, Any]:
        """The datasets that the run has made, by the names of its outputs; inside of the run, the folders for them."""
        return run_datasets.of_uses(self._experiment.workspace, self._dataset_uses(), made=True)

    def get_lineage(self) -> List[Edge]:
        """What the run was made with (its datasets), and what came of it (datasets, models); Terrazul's own."""
        self.flush()
        return self._client.get(List[Edge], self._path + "/lineage")

    def _dataset_uses(self) -> List[DatasetUse]:
        self.flush()
        return self._client.get(List[DatasetUse], self._path + "/datasets")

    def get_secret(self, name: str) -> str:
        """The value of a secret of the workspace. Raises ``NotFound``."""
        return self._keyvault().get_secret(name)

    def get_secrets(self, secrets: Sequence[str]) -> Dict[str, Optional[str]]:
        """The values of secrets of the workspace by their names; ``None`` for a name that is not there."""
        return self._keyvault().get_secrets(secrets)

    def _keyvault(self) -> Keyvault:
        vault: Keyvault = class_of("keyvault")(self._experiment.workspace)
        return vault

    @property
    def name(self) -> str:
        """The display name."""
        return self.display_name

    @property
    def display_name(self) -> str:
        """The name for people; it can be set."""
        return self._current().display_name

    @display_name.setter
    def display_name(self, display_name: str) -> None:
        self._put(RunChange(self._id, display_name=str(display_name)))

    @property
    def description(self) -> str:
        """A text for people; it can be set."""
        return self._current().description

    @description.setter
    def description(self, description: str) -> None:
        self._put(RunChange(self._id, description=str(description)))

    @property
    def parent(self) -> Optional[Run]:
        """The run above, if any."""
        parent_run_id = self._current().parent_run_id
        return None if parent_run_id is None else Run.get(self._experiment.workspace, parent_run_id)

    def start(self) -> None:
        """Tell that the run executes."""
        self._end_with(RunState.RUNNING)

    def complete(self, _set_status: bool = True) -> None:
        """End the run as *Completed*; when this returns, everything it recorded has reached the server."""
        if self._outputs:
            self.upload_folder("outputs", self._outputs)
        if _set_status:
            self._end_with(RunState.COMPLETED)
        self.flush()

    def fail(self, error_details: Any = None, error_code: Optional[str] = None, _set_status: bool = True) -> None:
        """End the run as *Failed*, for a reason; when this returns, the server has all that it recorded."""
        if _set_status:
            message = str(error_details) if error_details else "The run was failed by its owner."
            self._end_with(RunState.FAILED, RunError(message, error_code or "UserError"))
        self.flush()

    def cancel(self) -> None:
        """Ask the run, and every run below it, to end."""
        self.flush()
        self._known = self._client.post(wire.Run, self._path + "/cancel")

    def archive(self) -> None:
        """Leave the run out of lists; it stays. Terrazul's own."""
        self._put(RunChange(self._id, archived=True))
        self.flush()

    def reactivate(self) -> None:
        """Show the run in lists again; Terrazul's own."""
        self._put(RunChange(self._id, archived=False))
        self.flush()

    def restore(self) -> None:
        """Bring the run back, if it was deleted in MLflow's way; Terrazul's own."""
        self._known = self._client.post(wire.Run, self._path + "/restore")

    def deletion_preview(self, path: Optional[str] = None) -> DeletionPreview:
        """What ``delete`` (or ``delete_files`` of a path) would take, and the bytes it frees; Terrazul's own."""
        self.flush()
        return deletion.preview(self._client, Selection(run_ids=[self._id], path=path))

    def delete(self, wait: bool = True) -> Deletion:
        """Delete the run, and all below it, for good; Terrazul's own.

        Raises ``Conflict`` while one of them goes on. Without ``wait`` the bytes go after this has returned.
        """
        self.flush()
        return deletion.delete(self._client, Selection(run_ids=[self._id]), wait)

    def delete_files(self, path: str, wait: bool = True) -> Deletion:
        """Delete a file of the run, or all below a folder, for good; Terrazul's own. Raises ``NotFound``."""
        self.flush()
        return deletion.delete(self._client, Selection(run_ids=[self._id], path=path), wait)

    def wait_for_completion(
        self, show_output: bool = False, wait_post_processing: bool = False, raise_on_error: bool = True
    ) -> Dict[str, Any]:
        """Wait until the run is over, with its logs on the screen if wanted; its details.

        Raises ``ActivityFailedException`` for a run that failed (unless told not to), ``ExperimentExecutionException``
        where Ctrl-C ends the showing of logs; the run goes on then.
        """
        from terrazul.sdk import log_stream  # noqa: PLC0415  # most scripts follow no run

        del wait_post_processing
        self.flush()
        self._known = self._follow() if show_output else log_stream.wait_for_end(self._client, self._id)
        error = self._known.error
        if raise_on_error and self._known.state is RunState.FAILED:
            told = error_of(error or RunError("The run failed without telling why."))
            message = f"The run {self._id} failed: {told['error']['message']}"
            raise ActivityFailedException(message, hint=_next_step(error), error_details=_readable(told))
        return self.get_details()

    def _follow(self) -> wire.Run:
        from terrazul.sdk import log_stream  # noqa: PLC0415  # most scripts follow no run

        page = self.get_portal_url()
        say(f"RunId: {self._id}\nWeb View: {page}")
        try:
            run = log_stream.show_logs(self._client, self._id)
        except KeyboardInterrupt as error:
            message = "The output streaming for the run interrupted. But the run is still executing on the target."
            raise ExperimentExecutionException(message, target=self._id, hint="run.cancel() ends it.") from error
        say(f"\nExecution Summary\n=================\nRunId: {self._id}\nWeb View: {page}\n")
        if run.warnings:
            say("Warnings:\n" + "\n".join(run.warnings) + "\n")
        if run.error is not None:
            say(f"Error:\n{_readable(error_of(run.error))}\n")
        return run

    def get_all_logs(self, destination: Optional[str] = None) -> List[str]:
        """Write the logs of the run below a folder, or here; their paths."""
        from terrazul.sdk import log_stream  # noqa: PLC0415  # most scripts follow no run

        written = self._files.download_many(log_stream.FOLDER, Path(destination or "."), keep_prefix=True)
        return [str(path) for path in written]

    def child_run(self, name: Optional[str] = None, run_id: Optional[str] = None, outputs: Optional[str] = None) -> Run:
        """A run below this one, conducted by this process."""
        child_id = run_id or new_guid()
        self._writer.put(self._child(child_id, name))
        return Run(self._experiment, child_id, outputs, _ask=False)

    def create_children(
        self,
        count: Optional[int] = None,
        tag_key: Optional[str] = None,
        tag_values: Optional[Sequence[str]] = None,
    ) -> List[Run]:
        """Several runs below this one: so many, or one for each value of a tag.

        Raises ``InvalidInput`` where neither or both are given.
        """
        if (count is None) == (tag_key is None or tag_values is None):
            message = "Children are made by their count, or by a tag and its values."
            raise InvalidInput(message, hint="Pass count, or tag_key and tag_values.")
        tags = [{str(tag_key): str(value)} for value in tag_values or []] if count is None else [{}] * count
        children = []
        for each in tags:
            child_id = new_guid()
            self._writer.put(self._child(child_id, None, each))
            children.append(Run(self._experiment, child_id, _ask=False))
        return children

    def submit_child(self, config: Any, tags: Optional[Dict[str, Any]] = None, **kwargs: Any) -> Run:
        """Submit a configuration as a run below this one."""
        self.flush()
        run: Run = self._experiment.submit(config, tags, _parent_run_id=self._id, **kwargs)
        return run

    def get_children(
        self,
        recursive: bool = False,
        tags: Texts = None,
        properties: Texts = None,
        type: Optional[str] = None,  # noqa: A002  # v1's name
        status: Optional[str] = None,
        _rehydrate_runs: bool = True,
    ) -> Iterator[Run]:
        """The runs below that fit the filters, newest first; those of all levels with ``recursive``."""
        del _rehydrate_runs
        self.flush()
        wanted = {"type": type, "tag": pairs(tags), "property": pairs(properties), "state": status}
        for record in search(self._client, parent_run_id=self._id, include_children=True, **wanted):
            yield rehydrated(self._experiment.workspace, record, self._experiment)
        if recursive:
            for record in search(self._client, parent_run_id=self._id, include_children=True):
                child = rehydrated(self._experiment.workspace, record, self._experiment)
                yield from child.get_children(True, tags, properties, type, status)

    def take_snapshot(self, file_or_folder_path: str) -> str:
        """Take a file or folder as the snapshot of this run; its id."""
        from terrazul.sdk.snapshot import take_snapshot  # noqa: PLC0415  # as in writer: seldom needed in a script

        snapshot_id = take_snapshot(self._client, file_or_folder_path)
        self._put(RunChange(self._id, snapshot_id=snapshot_id))
        return snapshot_id

    def restore_snapshot(self, snapshot_id: Optional[str] = None, path: Optional[str] = None) -> str:
        """Write a snapshot (the run's own without an id) as a zip archive into a folder, or here; its path.

        Raises ``NotFound`` where there is none, ``InvalidInput`` for what is no snapshot's id.
        """
        wanted = snapshot_id or self.get_snapshot_id()
        if wanted is None:
            message = f"The run {self._id} has no snapshot."
            raise NotFound(message, target=self._id)
        check_snapshot_id(wanted)
        place = Path(path or ".")
        target = place if place.suffix == ".zip" else place / f"{wanted}.zip"
        fetch_file(self._client, Request("GET", f"/snapshots/{wanted}/zip"), target, "", 0)
        return str(target)

    def register_model(
        self,
        model_name: str,
        model_path: Optional[str] = None,
        tags: Optional[Mapping[str, Any]] = None,
        properties: Optional[Mapping[str, Any]] = None,
        model_framework: Optional[str] = None,
        model_framework_version: Optional[str] = None,
        description: Optional[str] = None,
        datasets: Optional[Sequence[Tuple[str, Any]]] = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: Optional[ResourceConfiguration] = None,
        **kwargs: Any,
    ) -> Model:
        """Register a file or folder of the run as the next version of a model; the path is the name by default.

        Raises ``ModelPathNotFound`` where the run has no such file, with the names that come near.
        """
        from terrazul.sdk import model, model_record  # noqa: PLC0415  # it stands above: its objects know their run

        del kwargs
        about = model_record.Description(
            tags=tags,
            properties=properties,
            model_framework=model_framework,
            model_framework_version=model_framework_version,
            description=description,
            datasets=datasets,
            sample_input_dataset=sample_input_dataset,
            sample_output_dataset=sample_output_dataset,
            resource_configuration=resource_configuration,
        )
        path = artifact_path(model_path or model_name)
        files = self._files_on_disk(path)
        new = model_record.new_model(model_name, about, files, self._id, "" if files else path)
        return model.register(self._experiment.workspace, new)

    def _files_on_disk(self, path: str) -> List[ModelFile]:
        """The files of a model that the server does not have all of yet, once it has their bytes; here never any."""
        del path
        return []

    def _child(self, child_id: str, name: Optional[str], tags: Optional[Dict[str, str]] = None) -> NewRun:
        return NewRun(child_id, self._experiment.name, now(), self._id, display_name=name or "", tags=tags or {})

    def _end_with(self, state: RunState, error: Optional[RunError] = None) -> None:
        self._ended = self._ended or state.terminal
        self._writer.write(StateChange(self._id, state, now(), error=error))
        self._known = None

    def __enter__(self) -> Run:  # noqa: PYI034  # typing.Self is younger than Python 3.8
        return self

    def __exit__(
        self, exit_type: Optional[Type[BaseException]], value: Optional[BaseException], traceback: object
    ) -> None:
        if self._ended:
            return
        if exit_type is None:
            self.complete()
        else:
            self.fail(f"{exit_type.__name__}: {value}")


class ScriptRun(Run):
    """A run of a script that was submitted."""

    RUN_TYPE = SCRIPT_RUN_TYPE

    def __init__(
        self,
        experiment: Experiment,
        run_id: str,
        directory: Optional[str] = None,
        _run_config: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(experiment, run_id, **kwargs)
        self._directory = directory
        self._run_config = _run_config

    def cancel(self) -> None:
        """Ask the run to end: its script and everything that it started."""
        super().cancel()


def artifact_path(path: str) -> str:
    """The path of a file or folder of a run, as people write it."""
    parts = [part for part in str(path).replace("\\", "/").split("/") if part not in {"", "."}]
    return ("/" if str(path).startswith("/") else "") + "/".join(parts)


def _readable(error: Mapping[str, object]) -> str:
    return json.dumps(error, indent=4, ensure_ascii=False)


def _next_step(error: Optional[RunError]) -> Optional[str]:
    """What mends the failure, where that is known, and which log to read."""
    if error is None:
        return None
    see = f"See {error.log_path} of the run." if error.log_path else ""
    return " ".join(filter(None, [error.hint, see])) or None


def rehydrated(workspace: Workspace, record: wire.Run, experiment: Optional[Experiment] = None) -> Run:
    """The object of a run, of the class that its type has."""
    if experiment is None or experiment.name != record.experiment_name:
        experiment = class_of("experiment")(workspace, record.experiment_name, _create_in_cloud=False)
    factory = _factories.get(record.type)
    if factory is not None:
        return factory(experiment, record)
    return (ScriptRun if record.type == SCRIPT_RUN_TYPE else Run)(experiment, record.run_id, _record=record)


def get_run(experiment: Experiment, run_id: str, rehydrate: bool = True, clean_up: bool = True) -> Run:
    """The run of an id in an experiment. Raises ``NotFound``."""
    del clean_up
    record = experiment.workspace.client.get(wire.Run, f"/runs/{run_id}")
    return (
        rehydrated(experiment.workspace, record, experiment) if rehydrate else Run(experiment, run_id, _record=record)
    )
