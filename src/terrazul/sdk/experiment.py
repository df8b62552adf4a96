"""Experiments: groups of runs under a name."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Sequence, Union

from terrazul.core.clock import from_text, now, to_datetime
from terrazul.core.errors import InvalidInput, UserErrorException
from terrazul.core.ids import check_experiment_name, check_run_id, new_guid, new_script_run_id
from terrazul.sdk import deletion
from terrazul.sdk.client import class_of, concept
from terrazul.sdk.git import GitFacts
from terrazul.sdk.representation import as_html, as_text
from terrazul.sdk.run import Run, ScriptRun
from terrazul.sdk.run_record import DOCS_URL, SNAPSHOT_PROPERTY
from terrazul.sdk.run_recording import texts_of
from terrazul.sdk.run_search import Texts
from terrazul.sdk.script_run_config import ScriptRunConfig
from terrazul.sdk.snapshot import take_snapshot
from terrazul.sdk.unsupported import not_yet
from terrazul.sdk.writer import writer_of
from terrazul.wire import experiment as wire
from terrazul.wire import run as run_wire
from terrazul.wire.deletion import Deletion, DeletionPreview, Selection
from terrazul.wire.submission import RunSubmission
from terrazul.wire.write import NewRun

if TYPE_CHECKING:
    from terrazul.sdk.dataset.profile_run import DatasetProfileRunConfig
    from terrazul.sdk.workspace import Workspace

    Submittable = Union[ScriptRunConfig, DatasetProfileRunConfig]


class ViewType:
    """Which experiments a list shows."""

    ActiveOnly = "ActiveOnly"
    All = "All"
    ArchivedOnly = "ArchivedOnly"
    DeletedOnly = "DeletedOnly"
    """Those that were deleted in MLflow's way and can be restored; Terrazul's own."""


_VIEWS = {
    ViewType.ActiveOnly: "active",
    ViewType.All: "all",
    ViewType.ArchivedOnly: "archived",
    ViewType.DeletedOnly: "deleted",
}


@concept("experiment")
class Experiment:
    """A group of runs under a name that is unique in its workspace; made where there is none of that name.

    Raises ``InvalidInput`` for a name that is not valid.
    """

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        _skip_name_validation: bool = False,
        _id: Optional[str] = None,
        _archived_time: Optional[datetime] = None,
        _create_in_cloud: bool = True,
        _experiment_dto: Optional[wire.Experiment] = None,
        **kwargs: Any,
    ) -> None:
        del kwargs, _archived_time
        check_kinds(workspace, name)
        self._workspace = workspace
        self._name = name if _skip_name_validation else check_experiment_name(name)
        self._id = _experiment_dto.experiment_id if _experiment_dto else _id
        self._known = _experiment_dto
        if _create_in_cloud and self._known is None:
            self.refresh()

    @property
    def workspace(self) -> Workspace:
        """The workspace that the experiment belongs to."""
        return self._workspace

    @property
    def workspace_object(self) -> Workspace:
        """v1's older name for ``workspace``."""
        return self._workspace

    @property
    def name(self) -> str:
        """The name."""
        return self._name

    @property
    def id(self) -> str:
        """The id."""
        return self._id or self._current().experiment_id

    @property
    def archived_time(self) -> Optional[datetime]:
        """When the experiment was archived; ``None`` while it is active."""
        archived_at = self._current().archived_at
        return None if archived_at is None else to_datetime(from_text(archived_at))

    @property
    def tags(self) -> Dict[str, str]:
        """The tags; change them with ``tag``, ``set_tags`` and ``remove_tags``."""
        return dict(self._current().tags)

    def submit(self, config: Submittable, tags: Optional[Mapping[str, Any]] = None, **kwargs: Any) -> ScriptRun:
        """Have a script executed, or the profile of a dataset made; the run, at once.

        Keywords are ``run_id`` and ``display_name``. Raises ``RunConfigurationException``, ``SnapshotException``,
        ``ComputeTargetException`` and ``UserErrorException`` for what cannot be executed as it is described.
        """
        if not isinstance(config, ScriptRunConfig):
            submit_to = getattr(config, "submit_to", None)
            if submit_to is not None:
                run: ScriptRun = submit_to(self, tags, **kwargs)
                return run
            message = f"{type(config).__name__} cannot be submitted."
            raise UserErrorException(message, target=type(config).__name__, hint="Pass a ScriptRunConfig.")
        folder = config.source_directory or "."
        definition = config.definition(self._workspace)
        git = GitFacts(folder)
        snapshot_id = take_snapshot(self._workspace.client, folder)
        submission = RunSubmission(
            run_id=_run_id(kwargs.pop("run_id", None)) or new_script_run_id(self._name, int(time.time())),
            experiment_name=self._name,
            definition=definition,
            snapshot_id=snapshot_id,
            parent_run_id=kwargs.pop("_parent_run_id", None),
            display_name=kwargs.pop("display_name", None) or "",
            tags=texts_of(tags or {}),
            properties={
                SNAPSHOT_PROPERTY: snapshot_id,
                "_azureml.ComputeTargetType": definition.target,
                **git.properties(),
            },
        )
        _refuse_unknown("submit", kwargs)
        record = self._workspace.client.post(run_wire.Run, "/runs", submission)
        return ScriptRun(self, record.run_id, directory=folder, _run_config=config.run_config, _record=record)

    def start_logging(self, *args: Any, **kwargs: Any) -> Run:
        """Begin a run that this process conducts: it logs, and completes the run.

        Keywords are ``outputs`` (a folder that is uploaded at the end), ``snapshot_directory`` (taken if given; v1 took
        the current folder unasked), ``display_name``, ``run_id`` and ``tags``.
        """
        outputs = args[0] if args else kwargs.pop("outputs", None)
        folder = kwargs.pop("snapshot_directory", None)
        git = GitFacts(folder or ".")
        snapshot_id = take_snapshot(self._workspace.client, folder) if folder else None
        new = NewRun(
            run_id=_run_id(kwargs.pop("run_id", None)) or new_guid(),
            experiment_name=self._name,
            time=now(),
            display_name=kwargs.pop("display_name", None) or "",
            tags=texts_of(kwargs.pop("tags", None) or {}),
            properties={**({SNAPSHOT_PROPERTY: snapshot_id} if snapshot_id else {}), **git.properties()},
            snapshot_id=snapshot_id,
        )
        _refuse_unknown("start_logging", kwargs)
        writer_of(self._workspace.client).write(new)
        return Run(self, new.run_id, outputs or None)

    def get_runs(
        self,
        type: Optional[str] = None,  # noqa: A002  # v1's name
        tags: Texts = None,
        properties: Texts = None,
        include_children: bool = False,
    ) -> Iterator[Run]:
        """The runs that fit the filters, newest first, fetched as they are asked for."""
        return Run.list(self, type, tags, properties, include_children=include_children)

    def archive(self) -> None:
        """Hide the experiment from lists; its runs stay."""
        self._change(wire.ExperimentChange(archived=True))

    def reactivate(self, new_name: Optional[str] = None) -> None:
        """Show the experiment in lists again, under another name if wanted."""
        self._change(wire.ExperimentChange(name=new_name, archived=False))

    @property
    def description(self) -> str:
        """A note about the experiment; it can be set. Terrazul's own."""
        return self._current().description

    @description.setter
    def description(self, description: str) -> None:
        self._change(wire.ExperimentChange(description=str(description)))

    @property
    def folder(self) -> str:
        """The folder that the name says, such as ``vision`` of ``vision/cats``; empty without one. Terrazul's own."""
        return self._name.rpartition("/")[0]

    def restore(self) -> None:
        """Bring the experiment back with its runs, if it was deleted in MLflow's way; Terrazul's own."""
        self._known = self._workspace.client.post(wire.Experiment, f"/experiments/{self.id}/restore")

    def deletion_preview(self) -> DeletionPreview:
        """What ``delete_with_runs`` would take, what hinders it, and the bytes it frees; Terrazul's own."""
        return deletion.preview(self._workspace.client, Selection(experiment_ids=[self.id]))

    def delete_with_runs(self, wait: bool = True) -> Deletion:
        """Delete the experiment with all its runs for good; its name is free at once. Terrazul's own.

        Raises ``Conflict`` while one of its runs goes on. Without ``wait`` the bytes go after this has returned.
        """
        return deletion.delete(self._workspace.client, Selection(experiment_ids=[self.id]), wait)

    def tag(self, key: str, value: Optional[str] = None) -> None:
        """Set a tag, with a value or without."""
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags; those that are there get the new value."""
        self._change(wire.ExperimentChange(set_tags=texts_of(tags)))

    def remove_tags(self, tags: Sequence[str]) -> None:
        """Remove tags, if they are there."""
        self._change(wire.ExperimentChange(remove_tags=[str(tag) for tag in tags]))

    def refresh(self) -> None:
        """Fetch what describes the experiment."""
        client = self._workspace.client
        if self._id is not None:
            self._known = client.get(wire.Experiment, f"/experiments/{self._id}")
            return
        found = client.get(List[wire.Experiment], "/experiments", {"name": self._name, "view": "all"})
        # looked for first, since inside of a run an experiment may be read but not made
        self._known = (
            found[0] if found else client.post(wire.Experiment, "/experiments", wire.NewExperiment(self._name))
        )
        self._id = self._known.experiment_id

    from_directory = staticmethod(not_yet("Experiment.from_directory", "projects attached to folders"))

    @staticmethod
    def list(
        workspace: Workspace,
        experiment_name: Optional[str] = None,
        view_type: str = ViewType.ActiveOnly,
        tags: Texts = None,
    ) -> List[Experiment]:
        """The experiments of a workspace, newest first. Raises ``InvalidInput`` for a view that is not known."""
        return _list(workspace, view_type, {"name": experiment_name}, tags)

    @staticmethod
    def list_folder(
        workspace: Workspace, folder: str, view_type: str = ViewType.ActiveOnly, tags: Texts = None
    ) -> List[Experiment]:
        """The experiments in and below a folder, as ``list``; Terrazul's own."""
        return _list(workspace, view_type, {"folder": folder}, tags)

    @staticmethod
    def delete(workspace: Workspace, experiment_id: str) -> None:
        """Delete an experiment that has no runs. Raises ``NotFound``, ``Conflict``."""
        workspace.client.delete(f"/experiments/{experiment_id}")

    @classmethod
    def get_docs_url(cls) -> str:
        """The address of the documentation."""
        return DOCS_URL

    @property
    def portal_url(self) -> str:
        """The address under which the pages of all experiments are."""
        return self._workspace.client.address.url

    def get_portal_url(self) -> str:
        """The address of the experiment's page."""
        workspace = self._workspace
        return f"{workspace.client.address.url}/experiments/{self.id}?wsid={workspace.workspace_id}"

    def _current(self) -> wire.Experiment:
        if self._known is None:
            self.refresh()
        assert self._known is not None  # noqa: S101  # refresh set it
        return self._known

    def _change(self, change: wire.ExperimentChange) -> None:
        self._known = self._workspace.client.patch(wire.Experiment, f"/experiments/{self.id}", change)
        self._name = self._known.name

    def _facts(self) -> Dict[str, object]:
        return {"Name": self._name, "Workspace": self._workspace.name}

    def __repr__(self) -> str:
        return as_text("Experiment", self._facts())

    def _repr_html_(self) -> str:
        return as_html({**self._facts(), "Report Page": self.get_portal_url(), "Docs Page": self.get_docs_url()})


def _list(workspace: Workspace, view_type: str, query: Mapping[str, Optional[str]], tags: Texts) -> List[Experiment]:
    if view_type not in _VIEWS:
        message = f"{view_type!r} is not a view of experiments."
        raise InvalidInput(message, target=str(view_type), hint="Use a member of ViewType.")
    found = workspace.client.get(List[wire.Experiment], "/experiments", {**query, "view": _VIEWS[view_type]})
    return [Experiment(workspace, each.name, True, _experiment_dto=each) for each in found if _fits(each, tags)]


def _run_id(given: Optional[str]) -> Optional[str]:
    return check_run_id(given) if given else None


def _refuse_unknown(call: str, rest: Mapping[str, object]) -> None:
    if rest:
        message = f"{call}() got an unexpected keyword argument '{next(iter(rest))}'"
        raise TypeError(message)


def _fits(experiment: wire.Experiment, tags: Texts) -> bool:
    if not tags:
        return True
    if isinstance(tags, Mapping):
        return all(experiment.tags.get(key) == str(value) for key, value in tags.items())
    return all(key in experiment.tags for key in ([tags] if isinstance(tags, str) else tags))


def check_kinds(workspace: object, name: object) -> None:
    """Raise ``InvalidInput`` for what is no workspace and no text."""
    if not isinstance(workspace, class_of("workspace")) or not isinstance(name, str):
        message = f"An experiment needs a workspace and a name, and was given {workspace!r} and {name!r}."
        raise InvalidInput(message, hint="Experiment(Workspace.from_config(), 'name') opens one.")
