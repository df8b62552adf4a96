"""Saves a workspace of Azure Machine Learning v1 into a folder that `terrazul import azureml FOLDER` reads.

It needs Python 3.6 or later, the package azureml-core and a config.json that names the workspace; nothing of Terrazul:

    python export_workspace.py saved

Saved are experiments, runs (metrics, files, snapshots, tags, properties, children), models with all their versions, and
the definitions of environments and datasets. Where the packages mlflow and azureml-mlflow are installed too, the
parameters that MLflow logged are saved, and the steps and times of metrics.

Break it off whenever you like: the same line goes on where it was, and fetches nothing twice. What cannot be saved is
told, holds up nothing else, and is tried again the next time. Nothing in the workspace is changed.
"""

import argparse
import errno
import json
import math
import shutil
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, TextIO, Tuple
from urllib.parse import quote

FORMAT = 1
"""What the folder's layout is called in its export.json."""
ENDED = ("Completed", "Failed", "Canceled", "Finished")
"""The words for a run that is over; those of pipelines have a word of their own for success."""

_CURATED = "azureml-"
_REFRESH_SECONDS = 0.2
_LINE_SECONDS = 10.0
_WIDTH = 100
_SHOWN_PROBLEMS = 20
_REASON_LIMIT = 500
_MOST_FAILURES = 5
_ARRIVING = "arriving"
_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_THOUSAND = 1000.0
_Json = Dict[str, Any]


class Stop(Exception):
    """Why nothing can be saved at all."""


class Saved:
    """The folder. Every file in it appears whole or not at all."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, place: str) -> _Json:
        """What was written to a place; empty where nothing was, or where a power cut left rubbish."""
        try:
            found = json.loads((self.root / place).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write(self, place: str, content: _Json) -> None:
        """Write a description to a place."""
        text = json.dumps(content, indent=1, default=str)

        def fetch(arriving: Path) -> None:
            arriving.write_text(text, encoding="utf-8")

        self.keep(place, fetch)

    def keep(self, place: str, fetch: Callable[[Path], Any]) -> int:
        """Have a file or a folder written, and put it into its place; the size of a file.

        ``fetch`` writes to the path that it is given, or returns another one that it has written to.
        """
        target = self.root / place
        target.parent.mkdir(parents=True, exist_ok=True)
        arriving = self.root / _ARRIVING
        _remove(arriving)
        written = fetch(arriving)
        arrived = Path(written) if isinstance(written, str) else arriving
        if not arrived.exists():
            message = "nothing arrived"
            raise OSError(message)
        size = arrived.stat().st_size
        if target.is_dir():
            _remove(target)
        arrived.replace(target)
        _remove(arriving)
        return size

    def remove(self, place: str) -> None:
        """Take away a file, or a folder with all in it."""
        _remove(self.root / place)


class Screen:
    """What is told while the saving goes on: lines that stay, and one line that says where it is."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._told = 0.0
        self._is_open = False

    def tell(self, line: str) -> None:
        """A line that stays."""
        self.close()
        self._stream.write(line + "\n")
        self._stream.flush()

    def show(self, line: str) -> None:
        """Where it is: rewritten on a terminal, elsewhere a line now and then."""
        moment = time.time()
        on_terminal = self._stream.isatty()
        if moment - self._told < (_REFRESH_SECONDS if on_terminal else _LINE_SECONDS):
            return
        self._told = moment
        self._is_open = on_terminal
        self._stream.write("\r\x1b[K" + line[:_WIDTH] if on_terminal else line + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Take the line away that says where it is."""
        if self._is_open:
            self._stream.write("\r\x1b[K")
            self._is_open = False


class MlflowReader:
    """Reads through MLflow's client what azureml-core does not tell: parameters, and the steps and times of metrics."""

    def __init__(self, workspace: Any) -> None:
        address = workspace.get_mlflow_tracking_uri()
        if not address.startswith("http"):
            import_module("azureml.mlflow")
        self._client = import_module("mlflow.tracking").MlflowClient(tracking_uri=address)

    def parameters(self, run_id: str) -> Dict[str, str]:
        """The parameters of a run."""
        return dict(self._client.get_run(run_id).data.params)

    def series(self, run_id: str, metrics: _Json) -> Dict[str, Dict[str, List[int]]]:
        """The steps and times (in milliseconds) of those metrics whose values are here and there the same."""
        found = {}
        for name, value in metrics.items():
            numbers = value if isinstance(value, list) else [value]
            if all(isinstance(each, (int, float)) for each in numbers):
                points = _in_order(numbers, self._client.get_metric_history(run_id, name))
                if points:
                    found[name] = {
                        "steps": [each.step for each in points],
                        "times": [each.timestamp for each in points],
                    }
        return found


class Export:
    """Everything of one workspace, into one folder."""

    def __init__(self, workspace: Any, saved: Saved, screen: Screen) -> None:
        self._workspace = workspace
        self._saved = saved
        self._screen = screen
        self._mlflow: Optional[MlflowReader] = None
        self._mlflow_failures = 0
        self._bytes = 0
        self.problems: List[Dict[str, str]] = []
        self.counts: Dict[str, List[int]] = {}
        """For each kind of thing how many there are, and how many of these were saved before."""

    def save(self, wanted: Sequence[str] = ()) -> None:
        """Save everything, or of the experiments only those that are named. Raises ``Stop``."""
        experiments = self._experiments(wanted)
        self._begin()
        self._mlflow = self._open_mlflow()
        for experiment in experiments:
            self._attempt("experiment " + experiment.name, self._save_experiment, experiment)
        self._attempt("models", self._save_models)
        self._attempt("environments", self._save_environments)
        self._attempt("datasets", self._save_datasets)
        self._saved.write("export.json", self._about(complete=True))

    def _experiments(self, wanted: Sequence[str]) -> List[Any]:
        """The experiments, archived ones too."""
        try:
            found = list(_class("experiment", "Experiment").list(self._workspace, view_type="All"))
        except Exception as error:
            raise Stop("The experiments of the workspace cannot be listed. " + _reason(error)) from error
        missing = sorted(set(wanted) - {each.name for each in found})
        if missing:
            raise Stop("The workspace has no experiment " + ", ".join(missing) + ".")
        return [each for each in found if not wanted or each.name in wanted]

    def _begin(self) -> None:
        there = self._saved.read("export.json")
        if not there and self._saved.root.is_dir() and any(self._saved.root.iterdir()):
            raise Stop(f"The folder {self._saved.root} holds something else. Name another one.")
        about = self._about(complete=False)
        if there.get("workspace", about["workspace"]) != about["workspace"]:
            raise Stop(f"The folder {self._saved.root} holds another workspace. Name another folder.")
        self._saved.write("export.json", about)

    def _about(self, complete: bool) -> _Json:
        names = ("name", "subscription_id", "resource_group", "location")
        return {
            "format": FORMAT,
            "workspace": {name: getattr(self._workspace, name, None) for name in names},
            "saved_at": _now(),
            "complete": complete,
            "counts": self.counts,
            "problems": self.problems,
        }

    def _open_mlflow(self) -> Optional[MlflowReader]:
        try:
            return MlflowReader(self._workspace)
        except Exception as error:  # noqa: BLE001  # whatever it is, the saving goes on without
            self._screen.tell(
                "Parameters that MLflow logged, and steps and times of metrics, are not saved: MLflow's client "
                "cannot be used (packages mlflow and azureml-mlflow). " + _reason(error)
            )
            return None

    def _attempt(self, thing: str, save: Callable[..., Any], *arguments: Any) -> bool:
        """Save a thing. One that cannot be saved is noted, and does not hold up the others."""
        try:
            save(*arguments)
        except Exception as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise Stop("The disk is full. Make room; the same line goes on where it was.") from error
            self.problems.append({"thing": thing, "reason": _reason(error)})
            self._screen.tell(f"  not saved: {thing}: {_reason(error)}")
            return False
        return True

    def _count(self, kind: str, before: bool = False) -> None:
        counted = self.counts.setdefault(kind, [0, 0])
        counted[0] += 1
        counted[1] += 1 if before else 0

    def _keep(self, kind: str, place: str, fetch: Callable[[Path], Any]) -> None:
        """Have a file or a folder fetched, unless it is there already."""
        before = (self._saved.root / place).exists()
        if not before:
            self._bytes += self._saved.keep(place, fetch)
        self._count(kind, before)

    def _show(self, doing: str) -> None:
        runs, files = self.counts.get("runs", [0])[0], self.counts.get("files", [0])[0]
        self._screen.show(f"{runs} runs, {files} files, {size_of(self._bytes)} fetched; {doing}")

    def _save_experiment(self, experiment: Any) -> None:
        about = {
            "id": experiment.id,
            "name": experiment.name,
            "tags": dict(experiment.tags or {}),
            "archived_at": experiment.archived_time,
        }
        self._saved.write(f"experiments/{folder_name(experiment.id)}.json", about)
        self._count("experiments")
        runs = _class("run", "Run").list(experiment, include_children=True, _rehydrate_runs=False)
        for run in runs:
            self._attempt("run " + run.id, self._save_run, run, experiment.name)

    def _save_run(self, run: Any, experiment_name: str) -> None:
        place = "runs/" + folder_name(run.id)
        there = self._saved.read(place + "/run.json")
        self._show(f"run {run.id} of {experiment_name}")
        if self._is_whole(there):
            self._count("runs", before=True)
            return
        if there.get("status") not in ENDED:  # its files may have grown since, and so may its metrics
            self._saved.remove(place)
        details = run.get_details()
        about = _describe_run(run, details, experiment_name)
        self._saved.write(place + "/run.json", dict(about, saved=False))
        thing = "run " + run.id
        missing = [] if self._attempt("metrics of " + thing, self._save_metrics, run, place, about) else ["metrics"]
        snapshot_id = about["snapshot_id"]
        if snapshot_id and not self._attempt("snapshot of " + thing, self._save_snapshot, run, snapshot_id):
            missing.append("snapshot")
        missing += self._save_files(run, place + "/files/")
        self._saved.write(place + "/run.json", dict(about, saved=True, missing=missing))
        self._count("runs")

    def _is_whole(self, there: _Json) -> bool:
        """Whether nothing more is to be had of a run that was saved before."""
        has_all = there.get("saved") and not there.get("missing") and there.get("status") in ENDED
        return bool(has_all and (there.get("mlflow") or self._mlflow is None))

    def _save_metrics(self, run: Any, place: str, about: _Json) -> None:
        found = {"metrics": run.get_metrics(), "series": {}}
        if self._mlflow is not None:
            thing = "parameters, and steps of metrics, of run " + run.id
            if self._attempt(thing, self._ask_mlflow, self._mlflow, run.id, about, found):
                self._mlflow_failures = 0
            else:
                self._mlflow_failures += 1
        if self._mlflow_failures == _MOST_FAILURES:
            self._mlflow = None
            self._screen.tell("MLflow's client fails again and again, and is not used any more.")
        if found["metrics"]:
            self._saved.write(place + "/metrics.json", found)

    def _ask_mlflow(self, reader: MlflowReader, run_id: str, about: _Json, found: _Json) -> None:
        parameters = reader.parameters(run_id)
        found["series"] = reader.series(run_id, found["metrics"])
        about.update(parameters=parameters, mlflow=True)

    def _save_snapshot(self, run: Any, snapshot_id: str) -> None:
        def fetch(arriving: Path) -> str:
            arriving.mkdir()
            return str(run.restore_snapshot(path=str(arriving)))

        self._keep("snapshots", f"snapshots/{folder_name(snapshot_id)}.zip", fetch)

    def _save_files(self, run: Any, place: str) -> List[str]:
        """Save the files of a run; the names of those that cannot be had."""
        missing = []
        for name in run.get_file_names():
            self._show(f"run {run.id}: {name}")
            if not self._attempt(f"file {name} of run {run.id}", self._save_file, run, place, name):
                missing.append(name)
        return missing

    def _save_file(self, run: Any, place: str, name: str) -> None:
        folder, target = (self._saved.root / place).resolve(), (self._saved.root / place / name).resolve()
        if folder not in target.parents or any(part in {"", ".", ".."} for part in name.split("/")):
            message = "its name leads out of the run"
            raise ValueError(message)

        def fetch(arriving: Path) -> None:
            run.download_file(name, str(arriving))

        self._keep("files", place + name, fetch)

    def _save_models(self) -> None:
        for model in _class("model", "Model").list(self._workspace):
            self._attempt(f"model {model.name}:{model.version}", self._save_model, model)

    def _save_model(self, model: Any) -> None:
        place = f"models/{folder_name(model.name)}/{model.version}"
        self._show(f"model {model.name}:{model.version}")
        before = bool(self._saved.read(place + "/model.json"))
        if not before:

            def fetch(arriving: Path) -> None:
                arriving.mkdir()
                model.download(target_dir=str(arriving), exist_ok=True)

            self._saved.keep(place + "/files", fetch)
            self._saved.write(place + "/model.json", _describe_model(model))
        self._count("model versions", before)

    def _save_environments(self) -> None:
        kind = _class("environment", "Environment")
        for name, newest in kind.list(self._workspace).items():
            if name.lower().startswith(_CURATED):
                continue
            for version in _versions(newest.version):
                thing = f"environment {name}:{version}"
                self._show(thing)
                self._attempt(thing, self._save_environment, kind, name, version)

    def _save_environment(self, kind: Any, name: str, version: str) -> None:

        def fetch(arriving: Path) -> None:
            kind.get(self._workspace, name, version).save_to_directory(str(arriving), overwrite=True)
            _without_password(arriving / "azureml_environment.json")

        self._keep("environment versions", f"environments/{folder_name(name)}/{folder_name(version)}", fetch)

    def _save_datasets(self) -> None:
        kind = _class("dataset", "Dataset")
        for name in list(kind.get_all(self._workspace)):
            self._attempt("dataset " + name, self._save_dataset, kind, name)

    def _save_dataset(self, kind: Any, name: str) -> None:
        newest = kind.get_by_name(self._workspace, name)
        for version in _versions(newest.version):
            thing = f"dataset {name}:{version}"
            self._show(thing)
            self._attempt(thing, self._save_dataset_version, kind, name, version)

    def _save_dataset_version(self, kind: Any, name: str, version: str) -> None:
        place = f"datasets/{folder_name(name)}/{folder_name(version)}.json"
        before = bool(self._saved.read(place))
        if not before:
            dataset = kind.get_by_name(self._workspace, name, version=int(version) if version.isdigit() else version)
            self._saved.write(place, _describe_dataset(dataset))
        self._count("dataset versions", before)


def _describe_run(run: Any, details: _Json, experiment_name: str) -> _Json:
    """What a run is. Addresses with signatures, which the details hold, are left out."""
    parent = run.parent
    return {
        "id": run.id,
        "number": run.number,
        "experiment": experiment_name,
        "parent": None if parent is None else parent.id,
        "type": run.type,
        "status": details.get("status"),
        "started_at": details.get("startTimeUtc"),
        "ended_at": details.get("endTimeUtc"),
        "saved_at": _now(),
        "display_name": getattr(run, "display_name", None),
        "description": getattr(run, "description", None),
        "tags": run.get_tags(),
        "properties": run.get_properties(),
        "parameters": {},
        "mlflow": False,
        "target": details.get("target"),
        "submitted_by": details.get("submittedBy"),
        "definition": details.get("runDefinition"),
        "error": details.get("error"),
        "warnings": details.get("warnings"),
        "snapshot_id": run.get_snapshot_id(),
    }


def _describe_model(model: Any) -> _Json:
    resources = model.resource_configuration
    return {
        "name": model.name,
        "version": model.version,
        "created_at": model.created_time,
        "created_by": model.created_by,
        "description": model.description,
        "tags": dict(model.tags or {}),
        "properties": dict(model.properties or {}),
        "framework": model.model_framework,
        "framework_version": model.model_framework_version,
        "run_id": model.run_id,
        "parent_id": model.parent_id,
        "datasets": [{"role": role, "id": _id_of(dataset)} for role, dataset in _pairs(model.datasets)],
        "sample_input_dataset": _id_of(model.sample_input_dataset),
        "sample_output_dataset": _id_of(model.sample_output_dataset),
        "resources": {name: getattr(resources, name, None) for name in ("cpu", "memory_in_gb", "gpu")},
    }


def _describe_dataset(dataset: Any) -> _Json:
    """What a dataset is: as it prints itself, and its definition as v1 keeps it, with all that its steps were told."""
    definition = getattr(dataset, "_definition", None)  # a text, until the dataset is used for the first time
    return {
        "name": dataset.name,
        "version": dataset.version,
        "id": dataset.id,
        "kind": type(dataset).__name__,
        "description": dataset.description,
        "tags": dict(dataset.tags or {}),
        "text": str(dataset),
        "definition": definition if isinstance(definition, str) else None,
    }


def _pairs(found: Any) -> Iterable[Tuple[str, Any]]:
    """Datasets of a model with their roles, which are a list of pairs, or lists of datasets by their roles."""
    if isinstance(found, dict):
        return [(role, each) for role, datasets in found.items() for each in datasets]
    return found or []


def _id_of(dataset: Any) -> Optional[str]:
    found: Optional[str] = getattr(dataset, "id", dataset)
    return found


def _versions(newest: Any) -> List[str]:
    """The versions up to the newest one, which count from 1; of one that is no number only itself."""
    text = str(newest)
    return [str(each) for each in range(1, int(text) + 1)] if text.isdigit() else [text]


def _without_password(file: Path) -> None:
    """Leave the password of a registry out of an environment's definition."""
    content = json.loads(file.read_text(encoding="utf-8"))
    registry = (content.get("docker") or {}).get("baseImageRegistry") or {}
    if registry.get("password"):
        registry["password"] = None
        file.write_text(json.dumps(content, indent=4), encoding="utf-8")


def _in_order(numbers: Sequence[float], points: Sequence[Any]) -> Sequence[Any]:
    """The points that have these values in this order; none where they have not."""
    for ordered in (points, sorted(points, key=lambda each: (each.timestamp, each.step))):
        if len(ordered) == len(numbers) and all(_same(*each) for each in zip(numbers, ordered)):
            return ordered
    return []


def _same(number: float, point: Any) -> bool:
    return bool(float(number) == point.value or (math.isnan(number) and math.isnan(point.value)))


def _class(module: str, name: str) -> Any:
    """A class of azureml-core; asked for when it is needed, so that a part that is missing holds up nothing else."""
    return getattr(import_module("azureml.core." + module), name)


def folder_name(name: Any) -> str:
    """A name as that of a file or folder on any system. What is read again is the name in the file itself."""
    text = quote(str(name), safe="")
    return "%2E" + text[1:] if text.startswith(".") else text


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(str(path))
    elif path.exists() or path.is_symlink():
        path.unlink()


def _reason(error: Exception) -> str:
    """An error on one line."""
    return "{}: {}".format(type(error).__name__, " ".join(str(error).split()))[:_REASON_LIMIT]


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def size_of(count: float) -> str:
    """A number of bytes as people read it."""
    for unit in _UNITS[:-1]:
        if count < _THOUSAND:
            return f"{count:.3g} {unit}"
        count /= _THOUSAND
    return f"{count:.3g} {_UNITS[-1]}"


def _open_workspace(config: Optional[str]) -> Any:
    try:
        kind = _class("workspace", "Workspace")
    except ImportError as error:
        raise Stop("The package azureml-core is missing. Install it: pip install azureml-core") from error
    try:
        return kind.from_config(path=config)
    except Exception as error:
        raise Stop("The workspace cannot be opened. " + _reason(error)) from error


def _tell_end(export: Export, screen: Screen, folder: str) -> None:
    screen.close()
    told = [
        f"{kind} {found}" + (f" ({before} of them before)" if before else "")
        for kind, (found, before) in export.counts.items()
    ]
    screen.tell("Saved in {}: {}.".format(folder, ", ".join(told) or "nothing, since the workspace is empty"))
    if export.problems:
        screen.tell(f"Not saved: {len(export.problems)}. Run it again to try these once more.")
        for each in export.problems[:_SHOWN_PROBLEMS]:
            screen.tell("  {thing}: {reason}".format(**each))
        if len(export.problems) > _SHOWN_PROBLEMS:
            screen.tell(f"  export.json in {folder} names all of them.")
    screen.tell(f"Next, where Terrazul is: `terrazul import azureml {folder} --dry-run`")


def main(line: Optional[Sequence[str]] = None) -> int:
    """Save what the command line names; the exit code is 1 where something could not be saved, 2 where nothing."""
    parser = argparse.ArgumentParser(description=(__doc__ or ""), formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="where to save it; made where it is not there")
    parser.add_argument("--config", metavar="PATH", help="config.json of the workspace, or a folder below it")
    parser.add_argument(
        "--experiment", metavar="NAME", action="append", default=[], help="only this one; may stand several times"
    )
    arguments = parser.parse_args(line)
    screen = Screen(sys.stderr)
    try:
        export = Export(_open_workspace(arguments.config), Saved(Path(arguments.folder)), screen)
        export.save(arguments.experiment)
    except Stop as reason:
        screen.tell(str(reason))
        return 2
    except KeyboardInterrupt:
        screen.tell("Broken off. The same line goes on where it was.")
        return 130
    _tell_end(export, screen, arguments.folder)
    return 1 if export.problems else 0


if __name__ == "__main__":
    sys.exit(main())
