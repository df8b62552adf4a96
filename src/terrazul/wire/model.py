"""Models: files under a name and a version."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Dict, List, Optional

from terrazul.core.dataclass import dataclass


@dataclass(frozen=True)
class ModelFile:
    """One file of a model. All paths of a model begin with the one file or folder that it is."""

    path: str
    digest: str
    size: int


@dataclass(frozen=True)
class ResourceConfiguration:
    """What a model asks for when it is deployed without a configuration: cores, gigabytes, devices."""

    cpu: Optional[float] = None
    memory_in_gb: Optional[float] = None
    gpu: Optional[int] = None


@dataclass(frozen=True)
class DatasetReference:
    """A dataset that belongs to a model, and what for, such as ``training``."""

    role: str
    dataset_id: str


@dataclass(frozen=True)
class NewModel:
    """A registration. The files are named by content (their bytes are sent before), or are files of a run.

    With ``run_id`` and ``artifact_path`` the model is that file or folder of the run; the server finds the contents.
    With ``run_id`` and ``files`` the files come from the caller, and the run is noted as their origin.
    """

    name: str
    registration_id: str
    """Made by the caller; a registration that is sent again with the same id counts once."""
    files: List[ModelFile] = field(default_factory=list)
    run_id: Optional[str] = None
    artifact_path: str = ""
    description: str = ""
    tags: Dict[str, str] = field(default_factory=dict)
    properties: Dict[str, str] = field(default_factory=dict)
    framework: str = "Custom"
    framework_version: str = ""
    sample_input_dataset_id: str = ""
    sample_output_dataset_id: str = ""
    resource_configuration: Optional[ResourceConfiguration] = None
    datasets: List[DatasetReference] = field(default_factory=list)
    parent_id: str = ""
    """The model (``name:version``) that this one was derived from."""


@dataclass(frozen=True)
class Model:
    """A version of a model. ``id`` is ``name:version``; versions count from 1 and are never given twice."""

    id: str
    name: str
    version: int
    description: str
    tags: Dict[str, str]
    properties: Dict[str, str]
    framework: str
    framework_version: str
    file_count: int
    size: int
    created_at: str
    created_by: str
    modified_at: str
    files: List[ModelFile] = field(default_factory=list)
    """Given for a single model, not in lists."""
    run_id: Optional[str] = None
    experiment_name: str = ""
    snapshot_id: Optional[str] = None
    """The snapshot of the run."""
    mlflow: Optional[Dict[str, Any]] = None
    """For a folder with an ``MLmodel`` file: its ``flavors`` (names), ``signature`` and ``folder``; else None."""
    sample_input_dataset_id: str = ""
    sample_output_dataset_id: str = ""
    resource_configuration: Optional[ResourceConfiguration] = None
    datasets: List[DatasetReference] = field(default_factory=list)
    parent_id: str = ""
    derived_ids: List[str] = field(default_factory=list)


@dataclass(frozen=True)
class ModelPage:
    """One page of a list of models, newest first."""

    models: List[Model]
    next_page: Optional[str] = None


@dataclass(frozen=True)
class ModelChange:
    """A change of what describes a model; ``None`` leaves a field as it is. A property, once set, keeps its value."""

    set_tags: Dict[str, str] = field(default_factory=dict)
    remove_tags: List[str] = field(default_factory=list)
    replace_tags: Optional[Dict[str, str]] = None
    """All tags at once, as v1's ``update`` sets them."""
    add_properties: Dict[str, str] = field(default_factory=dict)
    description: Optional[str] = None
    sample_input_dataset_id: Optional[str] = None
    sample_output_dataset_id: Optional[str] = None
    resource_configuration: Optional[ResourceConfiguration] = None
    add_datasets: List[DatasetReference] = field(default_factory=list)
