"""A tree of mlflow-export-import, of any of its layouts.

The files are found by their names, wherever they lie: ``experiment.json`` (``manifest.json`` before its version 1.2),
``run.json``, ``logged_model.json``, ``model.json``. What they tell stands under ``mlflow`` in newer ones, at the top in
older ones.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional

from terrazul.importing.findings import Findings
from terrazul.importing.mlflow import words
from terrazul.importing.mlflow.places import Given, Places
from terrazul.importing.mlflow.version import version_record
from terrazul.importing.mlflow.words import RunFacts, micro, text
from terrazul.importing.source import Folder, LoggedModelRecord, ModelRecord, RunRecord, VersionRecord
from terrazul.wire.importing import (
    ImportedDataset,
    ImportedExperiment,
    ImportedLoggedModel,
    ImportedMetric,
    ImportedName,
    ImportedRun,
)
from terrazul.wire.metric import MetricPoint, to_json_value

_EXPERIMENTS = ("experiment.json", "manifest.json")
_RUN, _MODEL, _LOGGED_MODEL = "run.json", "model.json", "logged_model.json"
_NAMES = frozenset({*_EXPERIMENTS, _RUN, _MODEL, _LOGGED_MODEL})
_LEFT_OUT = {"trace.json": "traces", "prompt.json": "prompts", "evaluation_dataset.json": "evaluation datasets"}
_NOT_ENTERED = "artifacts"
_Json = Dict[str, Any]


class ExportTreeSource:
    """Reads a tree that mlflow-export-import has written: of everything, of some things or of one."""

    def __init__(self, root: Path, given: Iterable[Given] = ()) -> None:
        self.findings = Findings()
        self._places = Places(root, [], list(given))
        self._files: Dict[str, List[Path]] = {}
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(each for each in folders if each != _NOT_ENTERED)
            for name in names:
                self._files.setdefault(name, []).append(Path(folder, name))
        self._runs: Dict[str, Dict[str, Path]] = {}
        """The file of each run, by the name of its experiment and its id."""
        self._folders: Dict[str, Folder] = {}

    @staticmethod
    def fits(folder: Path) -> bool:
        """Whether a folder is such a tree."""
        for _, folders, names in os.walk(folder):
            folders[:] = [each for each in folders if each != _NOT_ENTERED]
            if (_NAMES - {"manifest.json"}) & set(names):
                return True
        return False

    def run_count(self) -> int:
        """How many runs the tree holds."""
        return sum(len(runs) for runs in self._runs.values())

    def experiments(self) -> Iterable[ImportedExperiment]:
        """The experiments; those of which the tree holds runs alone have the name that a model's file tells."""
        for name, what in _LEFT_OUT.items():
            self.findings.leave_out(what, len(self._files.get(name, [])))
        found: Dict[str, ImportedExperiment] = {}
        by_id: Dict[str, str] = {}
        by_folder: Dict[Path, str] = {}
        for file in [each for name in _EXPERIMENTS for each in self._files.get(name, [])]:
            about = (self._read(file) or {}).get("experiment")
            if not isinstance(about, dict) or "name" not in about:
                continue
            tags = words.texts(about.get("tags"))
            experiment = words.experiment(self.findings, about, tags, about.get("lifecycle_stage"))
            if experiment is None:
                continue
            by_id[text(about.get("experiment_id"))] = experiment.name
            by_folder[file.parent] = experiment.name
            found.setdefault(experiment.name, experiment)
        self._assign_runs(found, by_id, by_folder)
        return found.values()

    def runs(self, experiment_name: str) -> Iterable[RunRecord]:
        """The runs of an experiment."""
        for file in self._runs.get(experiment_name, {}).values():
            whole = self._read(file)
            if whole is not None:
                yield self._run(file, whole, experiment_name)

    def logged_models(self) -> Iterable[LoggedModelRecord]:
        """The logged models, each once."""
        names = {run_id: name for name, runs in self._runs.items() for run_id in runs}
        seen = set()
        for file in self._files.get(_LOGGED_MODEL, []):
            about = self._read(file)
            model_id = text((about or {}).get("model_id"))
            if about is None or model_id in seen:
                continue
            seen.add(model_id)
            folder = self._folders[model_id] = Folder(file.parent, without=_LOGGED_MODEL)
            run_id = text(about.get("source_run_id"))
            name = names.get(run_id)
            if name is None:
                self.findings.problem(f"logged model {model_id}", "its run is not in the tree, so it does not come")
                continue
            yield LoggedModelRecord(_logged_model(about, name, run_id), folder)

    def model_names(self) -> Iterable[str]:
        """The names of the registered models."""
        for file in self._files.get(_MODEL, []):
            about = (self._read(file, quiet=True) or {}).get("registered_model")
            if isinstance(about, dict):
                yield text(about.get("name"))

    def models(self) -> Iterable[ModelRecord]:
        """The registered models."""
        for file in self._files.get(_MODEL, []):
            about = (self._read(file) or {}).get("registered_model")
            if not isinstance(about, dict):
                continue
            tags = words.texts(about.get("tags"))
            if all(words.without_prompts(self.findings, [tags])):
                yield self._model(file, about, tags)

    def _assign_runs(
        self, found: Dict[str, ImportedExperiment], by_id: Dict[str, str], by_folder: Dict[Path, str]
    ) -> None:
        of_models = self._experiments_of_models()
        for file in sorted(self._files.get(_RUN, []), key=lambda each: (not _has_files(each), str(each))):
            info = (self._read(file) or {}).get("info", {})
            run_id = text(info.get("run_id") or info.get("run_uuid"))
            if not run_id or any(run_id in runs for runs in self._runs.values()):
                continue
            above = next((by_folder[each] for each in file.parents if each in by_folder), None)
            name = above or by_id.get(text(info.get("experiment_id"))) or of_models.get(run_id)
            if name is None:
                self.findings.problem(f"run {run_id}", "the tree does not tell the name of its experiment")
                name = f"imported-{info.get('experiment_id')}"
            if name not in found:
                started = micro(info.get("start_time"))
                found[name] = ImportedExperiment(name, started, started)
            self._runs.setdefault(name, {})[run_id] = file

    def _experiments_of_models(self) -> Dict[str, str]:
        names = {}
        for file in self._files.get(_MODEL, []):
            for version in _versions((self._read(file, quiet=True) or {}).get("registered_model")):
                if version.get("_experiment_name"):
                    names[text(version.get("run_id"))] = text(version["_experiment_name"])
        return names

    def _run(self, file: Path, whole: _Json, experiment_name: str) -> RunRecord:
        info = whole.get("info", {})
        run_id = text(info.get("run_id") or info.get("run_uuid"))
        facts = RunFacts(
            run_id, text(info.get("run_name")), text(info.get("user_id")), text(info.get("status")),
            info.get("start_time"), info.get("end_time"), text(info.get("lifecycle_stage")),
        )  # fmt: skip
        inputs = whole.get("inputs")
        inputs = inputs if isinstance(inputs, dict) else {"dataset_inputs": inputs or []}
        outputs = (whole.get("outputs") or {}).get("model_outputs") or []
        about = ImportedRun(
            run_id,
            [_dataset(each) for each in inputs.get("dataset_inputs") or []],
            [text(each.get("model_id")) for each in inputs.get("model_inputs") or []],
            {text(each.get("model_id")): int(each.get("step") or 0) for each in outputs},
            facts.stage == words.DELETED,
        )
        record = words.run(self.findings, facts, experiment_name, words.texts(whole.get("tags")), about)
        record.parameters = words.texts(whole.get("params"))
        record.points = lambda: self._points(run_id, whole.get("metrics") or {}, facts.start or 0)
        folder = file.parent / "artifacts"
        record.folder = self._folders[run_id] = Folder(folder) if folder.is_dir() else Folder()
        return record

    def _points(self, run_id: str, metrics: Any, start: int) -> Iterator[MetricPoint]:
        for name, values in metrics.items() if isinstance(metrics, dict) else []:
            broken = 0
            for each in values if isinstance(values, list) else [{"value": values, "timestamp": start}]:
                try:
                    found = words.point(
                        run_id, name, words.number(each["value"]), int(each["timestamp"]), int(each.get("step") or 0)
                    )
                except (KeyError, TypeError, ValueError):
                    broken += 1
                    continue
                yield found
            if broken:
                self.findings.problem(f"run {run_id}", f"{broken} values of the metric {name!r} cannot be read")

    def _model(self, file: Path, about: _Json, tags: Dict[str, str]) -> ModelRecord:
        name = text(about.get("name"))
        created = micro(about.get("creation_timestamp"))
        versions: Dict[int, VersionRecord] = {}
        aliases = {text(each["alias"]): int(each["version"]) for each in about.get("aliases") or []}
        for each in _versions(about):
            version_tags = words.texts(each.get("tags"))
            record = version_record(self._places, self._folders, {**each, "name": name}, version_tags)
            own = file.parent / "version_models" / text(each["version"])
            if own.is_dir():
                record.folder = Folder(own)
            versions[record.about.version] = record
            aliases.update({text(alias): record.about.version for alias in each.get("aliases") or []})
        whole = ImportedName(
            name, created, micro(about.get("last_updated_timestamp"), created), text(about.get("description")), tags,
            aliases, max(versions, default=0),
        )  # fmt: skip
        return ModelRecord(whole, [versions[number] for number in sorted(versions)])

    def _read(self, file: Path, *, quiet: bool = False) -> Optional[_Json]:
        """What a file tells; None, with a problem, where it cannot be read."""
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            if not quiet:
                self.findings.problem(str(file), f"cannot be read, so what it tells does not come: {error}")
            return None
        inner = found.get("mlflow", found) if isinstance(found, dict) else None
        return inner if isinstance(inner, dict) else None


def _has_files(file: Path) -> bool:
    return (file.parent / "artifacts").is_dir()


def _versions(about: Any) -> List[_Json]:
    if not isinstance(about, dict):
        return []
    found = about.get("versions", about.get("latest_versions")) or []
    return [each for each in found if isinstance(each, dict) and "version" in each]


def _dataset(given: _Json) -> ImportedDataset:
    about = {name.lstrip("_"): value for name, value in (given.get("dataset") or {}).items()}
    return words.dataset(about, words.texts(given.get("tags")))


def _logged_model(about: _Json, experiment_name: str, run_id: str) -> ImportedLoggedModel:
    created = micro(about.get("creation_timestamp"))
    status = text(about.get("status")).rpartition("_")[2]
    return ImportedLoggedModel(
        text(about.get("model_id")), experiment_name, text(about.get("name")), created,
        micro(about.get("last_updated_timestamp"), created), run_id, text(about.get("model_type")),
        words.STATUSES.get(status, words.STATUSES["READY"]), words.texts(about.get("params")),
        words.texts(about.get("tags")),
        [
            ImportedMetric(
                text(each.get("key")), to_json_value(float(each["value"])), micro(each.get("timestamp")),
                int(each.get("step") or 0), text(each.get("run_id")), text(each.get("dataset_name")),
                text(each.get("dataset_digest")),
            )
            for each in about.get("metrics") or []
            if each.get("run_id")
        ],
    )  # fmt: skip
