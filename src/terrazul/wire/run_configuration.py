"""Run configurations: how a script runs where. v1's `.runconfig` sections, typed."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Dict, List, Optional

from terrazul.core.dataclass import dataclass
from terrazul.wire.dataset import Step
from terrazul.wire.environment import EnvironmentDefinition

DIRECT, MOUNT, DOWNLOAD, UPLOAD = "direct", "mount", "download", "upload"
"""How data comes to a run, or from it."""


@dataclass(frozen=True)
class History:
    """What is collected from the working directory."""

    output_collection: bool = True
    directories_to_watch: List[str] = field(default_factory=lambda: ["logs"])
    snapshot_project: bool = True


@dataclass(frozen=True)
class DataInput:
    """Data that a run reads: a dataset, or a path of a datastore.

    In arguments ``DatasetConsumptionConfig:<name>`` stands for where a dataset is found,
    ``$AZUREML_DATAREFERENCE_<name>`` for where a path of a datastore is.
    """

    name: str
    mode: str = DIRECT
    """``direct`` (the script gets the id of the dataset), ``mount`` or ``download``."""
    dataset_id: str = ""
    datastore: str = ""
    path: str = ""
    """With ``datastore``, what is read: a file, or a folder with all below it."""
    path_on_compute: str = ""
    """Where the data is to be found; relative to the working directory. Without one the runner takes a folder."""
    environment_variable: str = ""
    """The variable that says where, besides the ones that v1 sets."""
    overwrite: bool = False
    """Whether a download may replace what is at ``path_on_compute``."""


@dataclass(frozen=True)
class OutputRegistration:
    """The dataset that is registered of an output when the run has completed, always as a new version of its name."""

    name: str
    description: str = ""
    tags: Dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DataOutput:
    """Data that a run writes. In arguments ``DatasetOutputConfig:<name>`` stands for the folder to write it to."""

    name: str
    mode: str = MOUNT
    """``mount`` and ``upload``: both bring the files to their destination when the script is over."""
    datastore: str = ""
    """The default one of the workspace where it is empty."""
    path: str = "dataset/{run-id}/{output-name}"
    """Where on the datastore; ``{run-id}`` and ``{output-name}`` are filled in."""
    path_on_compute: str = ""
    environment_variable: str = ""
    overwrite: bool = True
    """Whether files of the destination may be replaced; without it one that is there fails the run."""
    source_globs: List[str] = field(default_factory=list)
    """Patterns of the files that are taken; without any, all."""
    steps: List[Step] = field(default_factory=list)
    """What makes the dataset of the files; without any it is a file dataset."""
    pattern: str = ""
    """Which of the files the dataset is made of, by their paths below the output; all of them without one."""
    registration: Optional[OutputRegistration] = None
    is_dataset: bool = True
    """False for a path of a datastore that is only written to, of which no dataset is made."""


@dataclass(frozen=True)
class RunDefinition:
    """Everything a runner needs to know to execute a run, besides its snapshot.

    Exactly one of ``script`` and ``command`` is given. ``arguments`` are texts; ``command`` is a shell line or a list.
    ``sections`` keeps the rest of a v1 run configuration (mpi, spark, …) under v1's camelCase keys.
    """

    script: str = ""
    command: List[str] = field(default_factory=list)
    command_is_shell: bool = False
    """True when ``command`` holds a single line for the shell, as v1 runs a command given as one text."""
    arguments: List[str] = field(default_factory=list)
    target: str = "local"
    framework: str = "Python"
    communicator: str = "None"
    node_count: int = 1
    priority: int = 0
    """Runs of a higher one begin first."""
    hold_on_failure_seconds: int = 0
    """So long its node and its folder are kept where its script fails."""
    max_run_duration_seconds: Optional[int] = None
    environment: EnvironmentDefinition = field(default_factory=EnvironmentDefinition)
    environment_variables: Dict[str, str] = field(default_factory=dict)
    history: History = field(default_factory=History)
    inputs: List[DataInput] = field(default_factory=list)
    outputs: List[DataOutput] = field(default_factory=list)
    sections: Dict[str, Any] = field(default_factory=dict)
    build_again: bool = False
    """Build the environment although its building failed a short while ago."""
