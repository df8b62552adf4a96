"""MLflow's file store: a folder ``mlruns`` of experiments, runs and registered models."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from terrazul.core.errors import InvalidInput
from terrazul.importing.findings import Findings
from terrazul.importing.mlflow import words
from terrazul.importing.mlflow.places import Given, Places
from terrazul.importing.mlflow.version import version_record
from terrazul.importing.mlflow.words import RunFacts, micro, text
from terrazul.importing.source import Folder, LoggedModelRecord, ModelRecord, RunRecord
from terrazul.sdk import yaml_text
from terrazul.wire.importing import (
    ImportedDataset,
    ImportedExperiment,
    ImportedLoggedModel,
    ImportedMetric,
    ImportedName,
    ImportedRun,
)
from terrazul.wire.metric import MetricPoint, to_json_value

META = "meta.yaml"
_TRASH = ".trash"
_MODELS = "models"
_OF_EXPERIMENTS = frozenset({"tags", "datasets", "models", "traces", _TRASH})
_RUN_ID = re.compile(r"[0-9a-f]{32}\Z")
_EXPERIMENT_ID = re.compile(r"[0-9]+\Z")
_WITH_STEP = 3
_RUN_AND_DATASET = 3
_STATUSES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_Meta = Dict[str, Any]


class _Line(NamedTuple):
    """A line of a metric's file."""

    time: int
    value: float
    step: int
    rest: List[str]


class FolderSource:
    """Reads a folder that MLflow has written, of any version."""

    def __init__(self, root: Path, given: Sequence[Given] = ()) -> None:
        self.findings = Findings()
        self._root = root
        self._places = Places(root.parent, [root], given)
        self._folders: Dict[str, Path] = {}
        self._files_of: Dict[str, Folder] = {}

    @staticmethod
    def fits(folder: Path) -> bool:
        """Whether a folder is one of MLflow's file store."""
        names = (f"*/{META}", f"{_TRASH}/*/{META}", f"{_MODELS}/*/{META}")
        return any(next(iter(folder.glob(name)), None) for name in names)

    def run_count(self) -> int:
        """How many runs the folder holds."""
        return sum(1 for folder in self._folders.values() for _ in folder.glob(f"*/{META}"))

    def experiments(self) -> Iterable[ImportedExperiment]:
        """The experiments, those in the trash too."""
        for folder in [*_folders(self._root), *_folders(self._root / _TRASH)]:
            if folder.name in {_TRASH, _MODELS} or not _looks_like_experiment(folder):
                continue
            meta = self._meta(folder, f"experiment {folder.name}")
            if meta is None:
                continue
            tags = self._texts(folder / "tags", f"experiment {folder.name}")
            stage = words.DELETED if folder.parent.name == _TRASH else meta.get("lifecycle_stage")
            found = words.experiment(self.findings, meta, tags, stage)
            if found is None:
                continue
            if found.name in self._folders:
                self.findings.problem(f"experiment {folder.name}", f"is a second one called {found.name!r}")
                continue
            self._folders[found.name] = folder
            self.findings.leave_out("traces", sum(1 for _ in _folders(folder / "traces")))
            yield found

    def runs(self, experiment_name: str) -> Iterable[RunRecord]:
        """The runs of an experiment."""
        folder = self._folders[experiment_name]
        for each in _folders(folder):
            if each.name in _OF_EXPERIMENTS or not ((each / META).exists() or _RUN_ID.match(each.name)):
                continue
            meta = self._meta(each, f"run {each.name}")
            if meta is not None:
                yield self._run(each, meta, experiment_name)

    def logged_models(self) -> Iterable[LoggedModelRecord]:
        """The logged models, which MLflow has since its version 3."""
        for name, experiment in self._folders.items():
            for folder in _folders(experiment / _MODELS):
                thing = f"logged model {folder.name}"
                meta = self._meta(folder, thing)
                if meta is None:
                    continue
                if meta.get("lifecycle_stage") == words.DELETED:
                    self.findings.leave_out("deleted logged models", 1)
                    continue
                created = micro(meta.get("creation_timestamp"))
                about = ImportedLoggedModel(
                    folder.name, name, text(meta.get("name")), created,
                    micro(meta.get("last_updated_timestamp"), created), text(meta.get("source_run_id")),
                    text(meta.get("model_type")), words.STATUSES.get(text(meta.get("status")), words.STATUSES["2"]),
                    self._texts(folder / "params", thing), self._texts(folder / "tags", thing),
                    list(self._model_metrics(folder / "metrics", thing)),
                )  # fmt: skip
                usual = f"{experiment.name}/{_MODELS}/{folder.name}/artifacts"
                files = self._files_of[folder.name] = self._places.find(text(meta.get("artifact_location")), usual)
                yield LoggedModelRecord(about, files)

    def model_names(self) -> Iterable[str]:
        """The names of the registered models."""
        return (folder.name for folder in _folders(self._root / _MODELS))

    def models(self) -> Iterable[ModelRecord]:
        """The registered models."""
        for folder in _folders(self._root / _MODELS):
            meta = self._meta(folder, f"model {folder.name!r}")
            if meta is None:
                continue
            tags = self._texts(folder / "tags", f"model {folder.name!r}")
            if all(words.without_prompts(self.findings, [tags])):
                yield self._model(folder, meta, tags)

    def _run(self, folder: Path, meta: _Meta, experiment_name: str) -> RunRecord:
        run_id, thing = folder.name, f"run {folder.name}"
        status = meta.get("status")
        facts = RunFacts(
            run_id, text(meta.get("run_name") or meta.get("name")), text(meta.get("user_id")),
            _STATUSES.get(status, text(status)) if isinstance(status, int) else text(status),
            meta.get("start_time"), meta.get("end_time"), text(meta.get("lifecycle_stage")),
        )  # fmt: skip
        read, made = self._models_of(folder / "inputs"), self._models_of(folder / "outputs")
        about = ImportedRun(run_id, self._datasets(folder), list(read), made, facts.stage == words.DELETED)
        record = words.run(self.findings, facts, experiment_name, self._texts(folder / "tags", thing), about)
        usual = f"{folder.parent.name}/{run_id}/artifacts"
        if (folder / "artifacts").is_dir():
            files = self._places.find(str(folder / "artifacts"), usual)
        else:
            files = self._places.find(text(meta.get("artifact_uri")), usual)
        self._files_of[run_id] = files
        return replace(
            record,
            parameters=self._texts(folder / "params", thing),
            points=lambda: self._points(folder / "metrics", run_id),
            folder=files,
        )

    def _points(self, folder: Path, run_id: str) -> Iterator[MetricPoint]:
        for file, name in _files(folder):
            for line in self._lines(file, f"run {run_id}", name):
                yield words.point(run_id, name, line.value, line.time, line.step)

    def _lines(self, file: Path, thing: str, name: str) -> Iterator[_Line]:
        """The lines of a metric's file; broken ones are told of by their count and the first one's number."""
        broken: List[int] = []
        try:
            with file.open(encoding="utf-8", errors="replace") as lines:
                for number, line in enumerate(lines, 1):
                    parts = line.split()
                    try:
                        step = int(parts[2]) if len(parts) >= _WITH_STEP else 0
                        found = _Line(int(parts[0]), float(parts[1]), step, parts[3:])
                    except (ValueError, IndexError):
                        broken += [number] if parts else []
                        continue
                    yield found
        except OSError as error:
            self.findings.problem(thing, f"the metric {name!r} cannot be read ({error.strerror})")
        if broken:
            count = "1 value" if len(broken) == 1 else f"{len(broken)} values"
            self.findings.problem(thing, f"{count} of the metric {name!r} cannot be read, from line {broken[0]} on")

    def _model_metrics(self, folder: Path, thing: str) -> Iterator[ImportedMetric]:
        for file, name in _files(folder):
            for line in self._lines(file, thing, name):
                dataset = line.rest[1:3] if len(line.rest) == _RUN_AND_DATASET else ["", ""]
                if line.rest:
                    yield ImportedMetric(
                        name, to_json_value(line.value), line.time * 1000, line.step, line.rest[0], *dataset
                    )

    def _datasets(self, run: Path) -> List[ImportedDataset]:
        found = []
        for folder in _folders(run / "inputs"):
            link = self._meta(folder, f"run {run.name}")
            if link is None or link.get("source_type") != "DATASET":
                continue
            dataset = self._meta(run.parent / "datasets" / text(link.get("source_id")), f"run {run.name}")
            if dataset is not None:
                found.append(words.dataset(dataset, words.texts(link.get("tags") or {})))
        return found

    def _models_of(self, folder: Path) -> Dict[str, int]:
        """The logged models that a run's ``inputs`` or ``outputs`` name, each with its step."""
        links = [self._meta(each, f"run {folder.parent.name}") for each in _folders(folder)]
        name = "destination_id" if folder.name == "outputs" else "source_id"
        return {
            text(link.get(name)): int(link.get("step") or 0)
            for link in links
            if link is not None and link.get("source_type") != "DATASET"
        }

    def _model(self, folder: Path, meta: _Meta, tags: Dict[str, str]) -> ModelRecord:
        name = text(meta.get("name")) or folder.name
        created = micro(meta.get("creation_timestamp"))
        aliases = self._texts(folder / "aliases", f"model {name!r}")
        versions, last = [], 0
        for each in _folders(folder):
            if not each.name.startswith("version-"):
                continue
            about = self._meta(each, f"model {name!r}")
            if about is None:
                continue
            last = max(last, int(about["version"]))
            if about.get("current_stage") != words.DELETED_VERSION:
                version_tags = self._texts(each / "tags", f"model {name!r}")
                versions.append(version_record(self._places, self._files_of, {**about, "name": name}, version_tags))
        whole = ImportedName(
            name, created, micro(meta.get("last_updated_timestamp"), created), text(meta.get("description")), tags,
            {alias: int(version) for alias, version in aliases.items()}, last,
        )  # fmt: skip
        return ModelRecord(whole, sorted(versions, key=lambda each: each.about.version))

    def _meta(self, folder: Path, thing: str) -> Optional[_Meta]:
        """What describes a thing; None, with a problem, where that is missing or broken."""
        file = folder / META
        try:
            found = yaml_text.load(file.read_text(encoding="utf-8"), str(file))
        except FileNotFoundError:
            self.findings.problem(thing, f"has no {META}, and does not come")
        except (OSError, ValueError, InvalidInput) as error:
            reason = str(error).partition("\n")[0]
            self.findings.problem(thing, f"its {META} cannot be read, so it does not come: {reason}")
        else:
            if isinstance(found, dict):
                return found
            self.findings.problem(thing, f"its {META} describes nothing, so it does not come")
        return None

    def _texts(self, folder: Path, thing: str) -> Dict[str, str]:
        """Tags, parameters or aliases: a file for each, its name the key."""
        read = {name: self._text(file, thing, f"{folder.name} {name!r}") for file, name in _files(folder)}
        return {name: value for name, value in read.items() if value is not None}

    def _text(self, file: Path, thing: str, what: str) -> Optional[str]:
        try:
            return file.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            self.findings.problem(thing, f"{what} cannot be read ({error})")
            return None


def _folders(folder: Path) -> List[Path]:
    return sorted(each for each in folder.iterdir() if each.is_dir()) if folder.is_dir() else []


def _files(folder: Path) -> Iterator[Tuple[Path, str]]:
    for file in sorted(folder.rglob("*")) if folder.is_dir() else []:
        if file.is_file():
            yield file, file.relative_to(folder).as_posix()


def _looks_like_experiment(folder: Path) -> bool:
    return (folder / META).exists() or bool(_EXPERIMENT_ID.match(folder.name))
