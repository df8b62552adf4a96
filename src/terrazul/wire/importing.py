"""What an import brings that has ids, numbers and times of its own, beyond what a writer's batch says.

Runs themselves, their metrics and files come as batches of a writer (``wire.write``). Everything here may be sent
again: what is there already stays as it is, and gets only what it lacks.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any, Dict, List, Optional

from terrazul.core.dataclass import dataclass
from terrazul.wire.environment import EnvironmentDefinition
from terrazul.wire.model import ModelFile, NewModel
from terrazul.wire.write import Refusal


@dataclass(frozen=True)
class ImportedExperiment:
    """An experiment; times are in microseconds. ``deleted`` deletes it in MLflow's way, with its runs.

    One that is made with ``archived_at`` is archived; one that is there stays in lists, or out of them.
    """

    name: str
    created_at: int
    updated_at: int
    description: str = ""
    tags: Dict[str, str] = field(default_factory=dict)
    deleted: bool = False
    archived_at: Optional[int] = None


@dataclass(frozen=True)
class ImportedDataset:
    """A dataset that a run reads, as MLflow describes it; a tag says what for."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str = ""
    profile: str = ""
    tags: Dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ImportedRun:
    """What a run that is here read and made, as MLflow tells it. ``deleted`` deletes it in MLflow's way."""

    run_id: str
    datasets: List[ImportedDataset] = field(default_factory=list)
    read_models: List[str] = field(default_factory=list)
    """The ids of logged models."""
    made_models: Dict[str, int] = field(default_factory=dict)
    """Logged models by their ids, each with the step at which it was made."""
    deleted: bool = False


@dataclass(frozen=True)
class ImportedMetric:
    """The last value of a metric of a logged model, as the JSON of ``wire.metric``; recorded by a run that is here."""

    key: str
    value: Any
    time: int
    step: int
    run_id: str
    dataset_name: str = ""
    dataset_digest: str = ""


@dataclass(frozen=True)
class ImportedLoggedModel:
    """A logged model, with its id. Its files are named by content; their bytes are sent before."""

    model_id: str
    experiment_name: str
    name: str
    created_at: int
    updated_at: int
    run_id: str = ""
    model_type: str = ""
    status: str = "LOGGED_MODEL_READY"
    parameters: Dict[str, str] = field(default_factory=dict)
    tags: Dict[str, str] = field(default_factory=dict)
    metrics: List[ImportedMetric] = field(default_factory=list)
    files: List[ModelFile] = field(default_factory=list)


@dataclass(frozen=True)
class ImportedVersion:
    """A version of a model under its number, which no version of that name may have passed.

    A version that is there already with the same files stays as it is.
    """

    model: NewModel
    version: int
    created_at: int
    modified_at: int
    stage: str = ""
    source: str = ""
    run_link: str = ""
    model_id: str = ""
    """The logged model that it was registered from."""


@dataclass(frozen=True)
class ImportedName:
    """A registered model besides its versions, which are sent before. An alias that is here stays where it points."""

    name: str
    created_at: int
    updated_at: int
    description: str = ""
    tags: Dict[str, str] = field(default_factory=dict)
    aliases: Dict[str, int] = field(default_factory=dict)
    last_version: int = 0
    """The highest number that was ever given, so that it is not given again."""


@dataclass(frozen=True)
class ImportedEnvironment:
    """A definition under its number, which no version of that name may have passed.

    A version that is there already with the same definition stays as it is.
    """

    definition: EnvironmentDefinition
    version: int
    created_at: int


@dataclass(frozen=True)
class ImportBatch:
    """Several things at once. The lists are applied in this order, each from its start."""

    experiments: List[ImportedExperiment] = field(default_factory=list)
    logged_models: List[ImportedLoggedModel] = field(default_factory=list)
    runs: List[ImportedRun] = field(default_factory=list)
    versions: List[ImportedVersion] = field(default_factory=list)
    names: List[ImportedName] = field(default_factory=list)
    environments: List[ImportedEnvironment] = field(default_factory=list)


@dataclass(frozen=True)
class ImportAnswer:
    """What of a batch was not taken; all else is on disk."""

    refusals: List[Refusal] = field(default_factory=list)
