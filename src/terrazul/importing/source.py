"""What a source of an import yields, whatever it is read from."""

from __future__ import annotations

import os
import stat
from dataclasses import field
from pathlib import Path
from typing import Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Protocol, Tuple

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import InvalidInput
from terrazul.core.paths import check_relative_path
from terrazul.importing.findings import Findings
from terrazul.sdk.content import SourceFile
from terrazul.wire.environment import EnvironmentDefinition
from terrazul.wire.importing import (
    ImportedExperiment,
    ImportedLoggedModel,
    ImportedName,
    ImportedRun,
    ImportedVersion,
)
from terrazul.wire.metric import MetricPoint
from terrazul.wire.run import RunError, RunState

_NO_POINTS: Tuple[MetricPoint, ...] = ()


class Folder(NamedTuple):
    """Where the files of a thing lie; without a path it has none, or they cannot be had, which ``problem`` tells."""

    path: Optional[Path] = None
    problem: str = ""
    without: str = ""
    """The name of a file directly in it that is none of the thing's."""

    def files(self, thing: str, findings: Findings, under: str = "") -> List[SourceFile]:
        """The files, their paths below ``under``. What cannot be taken is told of as a problem of ``thing``."""
        if self.problem:
            findings.problem(thing, self.problem)
        if self.path is None:
            return []
        if self.path.is_file():
            return list(_taken(self.path.parent, [self.path.name], thing, findings, under))
        paths = (path for path in _walk(self.path) if path != self.without)
        return list(_taken(self.path, paths, thing, findings, under))


def _walk(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders.sort()
        links = [each for each in folders if Path(folder, each).is_symlink()]
        for name in sorted(names) + links:
            yield Path(folder, name).relative_to(root).as_posix()


def _taken(root: Path, paths: Iterable[str], thing: str, findings: Findings, under: str) -> Iterator[SourceFile]:
    for path in paths:
        location = root / path
        try:
            check_relative_path(under + path)
            if root.resolve() not in location.resolve().parents:
                findings.problem(thing, f"the file {path!r} is a link that leads out of its folder")
                continue
            status = location.stat()
        except InvalidInput as error:
            findings.problem(thing, f"the file {path[:200]!r} cannot come: {error.message}")
            continue
        except OSError as error:
            findings.problem(thing, f"the file {path!r} cannot be read ({error.strerror})")
            continue
        if stat.S_ISREG(status.st_mode):
            yield SourceFile(under + path, str(location), status.st_size, status.st_mtime_ns, status.st_ino, 0o644)
        else:
            findings.problem(thing, f"{path!r} is not a file")


@dataclass
class RunRecord:
    """A run; its points and its files are read when they are asked for. Times are in microseconds."""

    run_id: str
    experiment_name: str
    started_at: int
    state: RunState
    ended_at: Optional[int] = None
    type: str = ""
    display_name: str = ""
    description: str = ""
    parent_run_id: Optional[str] = None
    tags: Dict[str, str] = field(default_factory=dict)
    properties: Dict[str, str] = field(default_factory=dict)
    parameters: Dict[str, str] = field(default_factory=dict)
    points: Callable[[], Iterable[MetricPoint]] = lambda: _NO_POINTS
    """Those of one metric after another."""
    points_by_place: bool = False
    """Whether a point is known again by its place among those of its metric, since its time is not certain."""
    folder: Folder = field(default_factory=Folder)
    snapshot: Optional[Path] = None
    """The zip archive of the files that it was made from."""
    error: Optional[RunError] = None
    warnings: List[str] = field(default_factory=list)
    about: Optional[ImportedRun] = None
    """What it read and made, where there is something to tell."""


@dataclass
class LoggedModelRecord:
    """A logged model, its files still to be found."""

    about: ImportedLoggedModel
    folder: Folder


@dataclass
class VersionRecord:
    """A version of a model, its files still to be found; they are put below ``top``, if there is one."""

    about: ImportedVersion
    folder: Folder
    top: str = "model"


@dataclass
class ModelRecord:
    """A registered model with its versions, the first one first."""

    about: ImportedName
    versions: List[VersionRecord] = field(default_factory=list)


@dataclass
class EnvironmentRecord:
    """A version of an environment. ``number`` is 0 where the version is none."""

    definition: EnvironmentDefinition
    version: str
    number: int

    @property
    def thing(self) -> str:
        """What it is called in a problem."""
        return f"environment {self.definition.name}:{self.version}"


class Source(Protocol):
    """What an import reads. It tells ``findings`` of what it cannot read, and goes on."""

    findings: Findings

    def run_count(self) -> int:
        """About how many runs there are."""

    def experiments(self) -> Iterable[ImportedExperiment]:
        """The experiments, also deleted ones; those without a name that can be here are left out with a problem."""

    def runs(self, experiment_name: str) -> Iterable[RunRecord]:
        """The runs of an experiment, in any order."""

    def logged_models(self) -> Iterable[LoggedModelRecord]:
        """The logged models of all experiments."""

    def model_names(self) -> Iterable[str]:
        """The names of the registered models, before anything else of them is read."""

    def models(self) -> Iterable[ModelRecord]:
        """The registered models."""
