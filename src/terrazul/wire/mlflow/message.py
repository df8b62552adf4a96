"""The messages of MLflow's protocol that are read, under the names that the protocol gives to their fields.

Fields that are not known are ignored, integers may come as text, and numbers that JSON lacks as ``NaN``, ``Infinity``
and ``-Infinity``. A field that is missing has its default here; what must be there is checked by who needs it.
"""

from __future__ import annotations

from dataclasses import field
from typing import List, Optional

from terrazul.core.dataclass import dataclass


@dataclass(frozen=True)
class Pair:
    """A tag or a parameter."""

    key: str = ""
    value: str = ""


@dataclass(frozen=True)
class MetricEntry:
    """One value of a metric; the time is in milliseconds."""

    key: str = ""
    value: Optional[float] = None
    timestamp: Optional[int] = None
    step: int = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


@dataclass(frozen=True)
class CreateExperiment:
    """``experiments/create``."""

    name: str = ""
    artifact_location: str = ""
    tags: List[Pair] = field(default_factory=list)


@dataclass(frozen=True)
class ExperimentChoice:
    """What names an experiment, and what is to be set on it: several routes of ``experiments/``."""

    experiment_id: str = ""
    experiment_name: str = ""
    new_name: str = ""
    key: str = ""
    value: str = ""


@dataclass(frozen=True)
class UploadPart:
    """A part that was sent, with what the server named it."""

    part_number: int = 0
    etag: str = ""


@dataclass(frozen=True)
class PartedUpload:
    """``mpu/create``, ``mpu/complete`` and ``mpu/abort``; the address names the folder, ``path`` the file in it."""

    path: str = ""
    num_parts: int = 0
    upload_id: str = ""
    parts: List[UploadPart] = field(default_factory=list)


@dataclass(frozen=True)
class EventChoice:
    """An event of the registry: the names of what it happens to, and of what happens."""

    entity: str = ""
    action: str = ""


@dataclass(frozen=True)
class ChangeWebhook:
    """``webhooks``, and ``webhooks/{webhook_id}`` to change one."""

    name: Optional[str] = None
    url: Optional[str] = None
    events: List[EventChoice] = field(default_factory=list)
    description: Optional[str] = None
    secret: Optional[str] = field(default=None, repr=False)
    status: Optional[str] = None


@dataclass(frozen=True)
class TestWebhook:
    """``webhooks/{webhook_id}/test``."""

    event: Optional[EventChoice] = None


@dataclass(frozen=True)
class ListWebhooks:
    """``webhooks``, to list them."""

    max_results: Optional[int] = None
    page_token: str = ""


@dataclass(frozen=True)
class Search:
    """Every ``…/search``."""

    experiment_ids: List[str] = field(default_factory=list)
    filter: str = ""
    view_type: str = "ACTIVE_ONLY"
    run_view_type: str = "ACTIVE_ONLY"
    max_results: Optional[int] = None
    order_by: List[str] = field(default_factory=list)
    page_token: str = ""


@dataclass(frozen=True)
class CreateRun:
    """``runs/create``."""

    experiment_id: str = ""
    user_id: str = ""
    run_name: str = ""
    start_time: Optional[int] = None
    tags: List[Pair] = field(default_factory=list)


@dataclass(frozen=True)
class RunChoice:
    """What names a run: several routes of ``runs/``. Old clients write ``run_uuid``."""

    run_id: str = ""
    run_uuid: str = ""
    key: str = ""
    value: Optional[str] = None
    model_json: str = ""


@dataclass(frozen=True)
class UpdateRun:
    """``runs/update``."""

    run_id: str = ""
    run_uuid: str = ""
    status: str = ""
    end_time: Optional[int] = None
    run_name: str = ""


@dataclass(frozen=True)
class LogMetric(MetricEntry):
    """``runs/log-metric``."""

    run_id: str = ""
    run_uuid: str = ""


@dataclass(frozen=True)
class LogBatch:
    """``runs/log-batch``."""

    run_id: str = ""
    metrics: List[MetricEntry] = field(default_factory=list)
    params: List[Pair] = field(default_factory=list)
    tags: List[Pair] = field(default_factory=list)


@dataclass(frozen=True)
class History:
    """``metrics/get-history`` and ``metrics/get-history-bulk-interval``."""

    run_id: str = ""
    run_uuid: str = ""
    run_ids: List[str] = field(default_factory=list)
    metric_key: str = ""
    page_token: str = ""
    max_results: Optional[int] = None
    start_step: Optional[int] = None
    end_step: Optional[int] = None


@dataclass(frozen=True)
class Histories:
    """``metrics/get-history-bulk``, which gives each of its runs as ``run_id``."""

    run_id: List[str] = field(default_factory=list)
    metric_key: str = ""
    max_results: Optional[int] = None


@dataclass(frozen=True)
class Dataset:
    """A dataset as MLflow describes it: a name and a digest, where it comes from, and its form."""

    name: str = ""
    digest: str = ""
    source_type: str = ""
    source: str = ""
    schema: str = ""
    profile: str = ""


@dataclass(frozen=True)
class DatasetInput:
    """A dataset that a run reads, with what it is used for in a tag."""

    tags: List[Pair] = field(default_factory=list)
    dataset: Optional[Dataset] = None


@dataclass(frozen=True)
class ModelLink:
    """A logged model that a run reads or makes."""

    model_id: str = ""
    step: int = 0


@dataclass(frozen=True)
class LogInputs:
    """``runs/log-inputs``."""

    run_id: str = ""
    datasets: List[DatasetInput] = field(default_factory=list)
    models: List[ModelLink] = field(default_factory=list)


@dataclass(frozen=True)
class LogOutputs:
    """``runs/outputs``."""

    run_id: str = ""
    models: List[ModelLink] = field(default_factory=list)


@dataclass(frozen=True)
class CreateLoggedModel:
    """``logged-models``."""

    experiment_id: str = ""
    name: str = ""
    model_type: str = ""
    source_run_id: str = ""
    params: List[Pair] = field(default_factory=list)
    tags: List[Pair] = field(default_factory=list)


@dataclass(frozen=True)
class ChangeLoggedModel:
    """What is set on a logged model: its status, tags or parameters."""

    status: str = ""
    tags: List[Pair] = field(default_factory=list)
    params: List[Pair] = field(default_factory=list)
    artifact_directory_path: str = ""


@dataclass(frozen=True)
class DatasetChoice:
    """Restricts the metrics of a search for logged models to those of a dataset."""

    dataset_name: str = ""
    dataset_digest: str = ""


@dataclass(frozen=True)
class LoggedModelOrder:
    """One column that logged models are sorted by."""

    field_name: str = ""
    ascending: bool = True
    dataset_name: str = ""
    dataset_digest: str = ""


@dataclass(frozen=True)
class SearchLoggedModels:
    """``logged-models/search``."""

    experiment_ids: List[str] = field(default_factory=list)
    filter: str = ""
    datasets: List[DatasetChoice] = field(default_factory=list)
    max_results: Optional[int] = None
    order_by: List[LoggedModelOrder] = field(default_factory=list)
    page_token: str = ""


@dataclass(frozen=True)
class NameChoice:
    """What names a registered model, and what is to be set on it: the routes of ``registered-models/``."""

    name: str = ""
    new_name: str = ""
    description: Optional[str] = None
    tags: List[Pair] = field(default_factory=list)
    key: str = ""
    value: str = ""
    alias: str = ""
    version: str = ""
    stages: List[str] = field(default_factory=list)


@dataclass(frozen=True)
class VersionChoice:
    """What names a version, and what is to be set on it: the routes of ``model-versions/``."""

    name: str = ""
    version: str = ""
    source: str = ""
    run_id: str = ""
    run_link: str = ""
    model_id: str = ""
    description: Optional[str] = None
    tags: List[Pair] = field(default_factory=list)
    key: str = ""
    value: str = ""
    stage: str = ""
    archive_existing_versions: bool = False
