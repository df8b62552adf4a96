"""The folder into which ``export_workspace.py`` saves a v1 workspace."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, TypeVar
from urllib.parse import unquote

from terrazul.core import clock
from terrazul.core.errors import InvalidInput, NotFound, TerrazulError
from terrazul.core.ids import check_experiment_name
from terrazul.importing.azureml.export_workspace import FORMAT, folder_name
from terrazul.importing.azureml.points import points_of
from terrazul.importing.findings import Findings
from terrazul.importing.source import (
    EnvironmentRecord,
    Folder,
    LoggedModelRecord,
    ModelRecord,
    RunRecord,
    VersionRecord,
)
from terrazul.sdk.environment import Environment
from terrazul.wire.importing import ImportedExperiment, ImportedName, ImportedVersion
from terrazul.wire.metric import MetricPoint
from terrazul.wire.mlflow.rules import USER, divide
from terrazul.wire.model import DatasetReference, NewModel, ResourceConfiguration
from terrazul.wire.run import RunError, RunState

_HINT = "`terrazul export-script` writes the program that makes such a folder."
_STATES = {"Finished": RunState.COMPLETED, **{each.value: each for each in RunState if each.terminal}}
_FRACTION = re.compile(r"\.(\d+)")
_DEFINITION = "azureml_environment.json"
_MICROSECOND_DIGITS = 6
_Json = Dict[str, Any]
T = TypeVar("T")


class _Place(NamedTuple):
    """A run as the index knows it; they sort as they began."""

    started_at: int
    number: int
    folder: Path


class AzuremlFolderSource:
    """Reads what was saved of a v1 workspace; of the runs it keeps in mind where they lie and when they began."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            message = f"{root} is {'no folder' if root.exists() else 'not there'}."
            raise (InvalidInput if root.exists() else NotFound)(message, target=str(root), hint=_HINT)
        self.findings = Findings()
        self._root = root
        self._index: Dict[str, List[_Place]] = {}
        self._about = self._read(root / "export.json", "the folder") or {}
        if self._about.get("format") != FORMAT:
            message = f"In {root} is no workspace that was saved in the form that this version reads."
            raise InvalidInput(message, target=str(root), hint=_HINT)
        self._tell_what_is_missing()
        waiting = sum(1 for _ in root.glob("datasets/*/*.json"))
        if waiting:
            self.findings.waiting["dataset definitions"] = waiting

    def run_count(self) -> int:
        """How many runs were saved."""
        return sum(len(places) for places in self._index.values())

    def experiments(self) -> Iterable[ImportedExperiment]:
        """The experiments; each is as old as its first run."""
        self._index = self._indexed()
        told = [self._read(file, f"experiment {file.stem}") for file in sorted(self._root.glob("experiments/*.json"))]
        found = {_text(about.get("name")): about for about in told if about}
        for name in [*found, *(each for each in self._index if each not in found)]:
            try:
                check_experiment_name(name)
            except InvalidInput as error:
                self.findings.problem(f"experiment {name!r}", f"{error.message} It does not come, nor do its runs.")
                continue
            about = found.get(name, {})
            saved_at = _time(self._about.get("saved_at")) or 0
            first = min((place.started_at for place in self._index.get(name, [])), default=saved_at)
            yield ImportedExperiment(
                name, first, first, tags=_texts(about.get("tags")), archived_at=_time(about.get("archived_at"))
            )

    def runs(self, experiment_name: str) -> Iterable[RunRecord]:
        """The runs of an experiment, as they began."""
        for place in sorted(self._index.get(experiment_name, [])):
            about = self._read(place.folder / "run.json", f"run {place.folder.name}")
            record = about and self._built(f"run {place.folder.name}", partial(self._run, about, place.folder))
            if record:
                yield record

    def logged_models(self) -> Iterable[LoggedModelRecord]:
        """A v1 workspace has none."""
        return ()

    def model_names(self) -> Iterable[str]:
        """The names of the models; what v1 allows in them, Terrazul allows."""
        return (unquote(folder.name) for folder in sorted(self._root.glob("models/*")))

    def models(self) -> Iterable[ModelRecord]:
        """The models with their versions."""
        for folder in sorted(self._root.glob("models/*")):
            found = [self._version(file) for file in sorted(folder.glob("*/model.json"))]
            versions = sorted(filter(None, found), key=lambda each: each.about.version)
            if versions:
                first, last = versions[0].about, versions[-1].about
                whole = ImportedName(first.model.name, first.created_at, last.created_at, last_version=last.version)
                yield ModelRecord(whole, versions)

    def environments(self) -> Iterable[EnvironmentRecord]:
        """The definitions of environments, of each name the first version first."""
        found = [self._environment(file.parent) for file in sorted(self._root.glob(f"environments/*/*/{_DEFINITION}"))]
        return sorted(filter(None, found), key=lambda each: (each.definition.name, each.number, each.version))

    def _tell_what_is_missing(self) -> None:
        if not self._about.get("complete"):
            reason = "the saving has not come to its end; run its program again, and then this"
            self.findings.problem(f"the folder {self._root}", reason)
        for each in self._about.get("problems") or []:
            self.findings.problem(_text(each.get("thing")), f"was not saved: {_text(each.get('reason'))}")

    def _indexed(self) -> Dict[str, List[_Place]]:
        """Where the runs of each experiment lie."""
        found: Dict[str, List[_Place]] = {}
        for file in self._root.glob("runs/*/run.json"):
            about = self._read(file, f"run {file.parent.name}")
            if not about:
                continue
            if not about.get("saved"):
                reason = "was not saved whole, and does not come; run the program that saves once more"
                self.findings.problem(f"run {about.get('id')}", reason)
                continue
            place = self._built(f"run {file.parent.name}", partial(_place, about, file.parent))
            if place:
                found.setdefault(_text(about.get("experiment")), []).append(place)
        return found

    def _run(self, about: _Json, folder: Path) -> RunRecord:
        run_id = _text(about.get("id"))
        divided = divide(_texts(about.get("tags")))
        tags = dict(divided.tags)
        if about.get("submitted_by"):
            tags.setdefault(USER, _text(about["submitted_by"]))
        started_at = _started_at(about)
        snapshot = self._root / "snapshots" / f"{folder_name(about.get('snapshot_id'))}.zip"
        files = folder / "files"
        return RunRecord(
            run_id,
            _text(about.get("experiment")),
            started_at,
            _STATES.get(_text(about.get("status")), RunState.RUNNING),
            _time(about.get("ended_at")),
            _text(about.get("type")),
            _text(about.get("display_name")) or divided.run_name or "",
            _text(about.get("description")) or divided.note or "",
            _text(about.get("parent")) or divided.parent,
            tags,
            _texts(about.get("properties")),
            _texts(about.get("parameters")),
            points=lambda: self._points(run_id, folder, started_at),
            points_by_place=True,
            folder=Folder(files if files.is_dir() else None),
            snapshot=snapshot if about.get("snapshot_id") and snapshot.is_file() else None,
            error=_error(about.get("error")),
            warnings=[_text(each.get("message")) for each in about.get("warnings") or []],
        )

    def _points(self, run_id: str, folder: Path, began: int) -> Iterator[MetricPoint]:
        told = self._read(folder / "metrics.json", f"the metrics of run {run_id}") or {}
        return points_of(run_id, told.get("metrics") or {}, told.get("series") or {}, folder / "files", began)

    def _version(self, file: Path) -> Optional[VersionRecord]:
        thing = f"model {file.parent.parent.name}/{file.parent.name}"
        about = self._read(file, thing)
        return self._built(thing, partial(_version, about, file.parent / "files")) if about else None

    def _environment(self, folder: Path) -> Optional[EnvironmentRecord]:
        try:
            definition = Environment.load_from_directory(str(folder)).definition()
        except (TerrazulError, OSError, ValueError) as error:
            name = f"{unquote(folder.parent.name)}:{unquote(folder.name)}"
            self.findings.problem(f"environment {name}", f"cannot be read: {_one_line(error)}")
            return None
        version = definition.version or unquote(folder.name)
        return EnvironmentRecord(definition, version, int(version) if version.isdecimal() else 0)

    def _built(self, thing: str, build: Callable[[], T]) -> Optional[T]:
        """What is made of a description; ``None``, with a problem, where that does not say what it must."""
        try:
            return build()
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            self.findings.problem(thing, f"its description is of another form, so it does not come: {_one_line(error)}")
            return None

    def _read(self, file: Path, thing: str) -> Optional[_Json]:
        """What a file describes; ``None``, with a problem, where it cannot be read."""
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            self.findings.problem(thing, f"its {file.name} cannot be read, so it does not come: {_one_line(error)}")
            return None
        if isinstance(found, dict):
            return found
        self.findings.problem(thing, f"its {file.name} describes nothing, so it does not come")
        return None


def _place(about: _Json, folder: Path) -> _Place:
    return _Place(_started_at(about), int(about.get("number") or 0), folder)


def _version(about: _Json, files: Path) -> VersionRecord:
    created = _time(about.get("created_at")) or 0
    resources = about.get("resources") or {}
    new = NewModel(
        _text(about.get("name")),
        "import",
        run_id=about.get("run_id") or None,
        description=_text(about.get("description")),
        tags=_texts(about.get("tags")),
        properties=_texts(about.get("properties")),
        framework=_text(about.get("framework")) or "Custom",
        framework_version=_text(about.get("framework_version")),
        sample_input_dataset_id=_text(about.get("sample_input_dataset")),
        sample_output_dataset_id=_text(about.get("sample_output_dataset")),
        resource_configuration=ResourceConfiguration(**resources) if any(resources.values()) else None,
        datasets=[DatasetReference(_text(each.get("role")), _text(each.get("id"))) for each in _references(about)],
    )
    return VersionRecord(ImportedVersion(new, int(about["version"]), created, created), Folder(files), "")


def _references(about: _Json) -> Sequence[_Json]:
    return [each for each in about.get("datasets") or [] if each.get("role") and each.get("id")]


def _error(told: Any) -> Optional[RunError]:
    """Why a run failed, of the layers in which v1 wraps it."""
    inner = told.get("error") if isinstance(told, dict) else None
    if not isinstance(inner, dict):
        return None
    return RunError(_text(inner.get("message")), _text(inner.get("code")) or "UserError")


def _started_at(about: _Json) -> int:
    """When a run began; one that was never started began when it ended, or when it was saved."""
    told = (_time(about.get(name)) for name in ("started_at", "ended_at", "saved_at"))
    return next((each for each in told if each is not None), 0)


def _time(text: Any) -> Optional[int]:
    """A time as v1 or Python writes it, in microseconds; ``None`` for none, and for what is no time."""
    whole = _FRACTION.sub(
        lambda match: "." + match[1][:_MICROSECOND_DIGITS].ljust(_MICROSECOND_DIGITS, "0"), _text(text)
    )
    try:
        return clock.from_text(whole.replace(" ", "T", 1))
    except ValueError:
        return None


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _texts(values: Any) -> Dict[str, str]:
    return {str(key): _text(value) for key, value in (values or {}).items()}


def _one_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
