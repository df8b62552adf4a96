"""Endpoints: deployed models behind HTTP. A web service is one entry script with its models and its environment."""

from __future__ import annotations

import enum
from dataclasses import field
from typing import Dict, List, Optional

from terrazul.core.dataclass import dataclass
from terrazul.wire.environment import EnvironmentDefinition
from terrazul.wire.model import ModelFile
from terrazul.wire.node import EnvironmentLimits
from terrazul.wire.snapshot import SnapshotFile

SCORING_TIMEOUT_MS = 3_600_000
"""v1's default."""


class ComputeType(str, enum.Enum):
    """What v1 calls the place of a web service; both are this machine."""

    ACI = "ACI"
    LOCAL = "LOCAL"


class WebserviceState(str, enum.Enum):
    """Where a web service is; the words are v1's for ACI (those of a local one are made from them)."""

    TRANSITIONING = "Transitioning"
    HEALTHY = "Healthy"
    UNHEALTHY = "Unhealthy"
    """It was healthy, and its workers do not stay alive now."""
    FAILED = "Failed"
    """Its first revision never became healthy; ``error`` says why."""


class Driver(str, enum.Enum):
    """What answers requests: the user's entry script, or one of ours for a model that needs none."""

    ENTRY_SCRIPT = "entry_script"
    MLFLOW = "mlflow"
    SKLEARN = "sklearn"


@dataclass(frozen=True)
class Deployment:
    """What is served: environment, entry script with its source directory, and models."""

    models: List[str] = field(default_factory=list)
    """Ids, ``name:version``."""
    entry_script: str = ""
    """Relative to the source directory."""
    snapshot_id: Optional[str] = None
    """The source directory."""
    environment: EnvironmentDefinition = field(default_factory=EnvironmentDefinition)
    driver: Driver = Driver.ENTRY_SCRIPT
    description: str = ""
    source_folder: str = ""
    """The folder of the app root, where the script is started, that is the source directory; empty for that itself."""


@dataclass(frozen=True)
class ServiceSettings:
    """How it is served. Times are milliseconds."""

    worker_count: int = 1
    """Processes that hold the entry script; each scores one request at a time."""
    cpu_cores: Optional[float] = 0.1
    """None for no limit, as for the memory."""
    memory_gb: Optional[float] = 0.5
    """All workers together may keep so much in memory; what goes beyond is replaced."""
    auth_enabled: bool = False
    scoring_timeout_ms: int = SCORING_TIMEOUT_MS
    queue_limit: int = 256
    """Requests that may wait for a worker; what comes then is answered with 503 and ``Retry-After``."""
    max_request_wait_ms: Optional[int] = None
    """Longest wait for a worker before a request is answered with 503."""
    max_batch_size: int = 1
    """Requests that are scored together when they wait at the same time, by an entry script that has ``run_batch``."""
    cors_origins: List[str] = field(default_factory=list)
    ssl_enabled: bool = False
    ssl_certificate: str = ""
    """PEM text; with ``ssl_key``, which the server gives out to the service alone."""
    ssl_key: str = field(default="", repr=False)
    ssl_cname: str = ""
    dns_name_label: str = ""
    location: str = ""
    enable_app_insights: bool = False
    collect_model_data: bool = False


@dataclass(frozen=True)
class WebserviceKeys:
    """The two keys of a web service; each opens it until it is made anew."""

    primary: str = field(repr=False)
    secondary: str = field(repr=False)


@dataclass(frozen=True)
class NewWebservice:
    """A deployment under a name."""

    name: str
    deployment_id: str
    """Made by the caller; a deployment that is sent again with the same id counts once."""
    compute_type: ComputeType
    deployment: Optional[Deployment] = None
    image_id: str = ""
    """``name:version`` of an image, in the place of ``deployment``."""
    settings: ServiceSettings = field(default_factory=ServiceSettings)
    port: Optional[int] = None
    """The port it answers at; without it the server chooses one."""
    keys: Optional[WebserviceKeys] = None
    """Keys of the caller's own choice; an empty one is made by the server."""
    description: str = ""
    tags: Dict[str, str] = field(default_factory=dict)
    properties: Dict[str, str] = field(default_factory=dict)
    overwrite: bool = False
    """Take the place of a web service of that name, which goes on serving until the new revision is healthy."""


@dataclass(frozen=True)
class WebserviceChange:
    """What is to be different; ``None`` leaves a field as it is. A new deployment or setting is a new revision."""

    deployment: Optional[Deployment] = None
    image_id: str = ""
    models: Optional[List[str]] = None
    """Other models for the deployment there is."""
    settings: Optional[Dict[str, object]] = None
    """Fields of ``ServiceSettings`` with their new values."""
    description: Optional[str] = None
    tags: Optional[Dict[str, str]] = None
    remove_tags: List[str] = field(default_factory=list)
    set_tags: Dict[str, str] = field(default_factory=dict)
    add_properties: Dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ServiceError:
    """Why a revision does not serve, in a sentence; ``details`` is the traceback or the end of the log."""

    code: str
    message: str
    details: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Webservice:
    """A web service as the server knows it."""

    name: str
    compute_type: ComputeType
    state: WebserviceState
    scoring_uri: str
    swagger_uri: str
    auth_enabled: bool
    description: str
    tags: Dict[str, str]
    properties: Dict[str, str]
    created_at: str
    created_by: str
    updated_at: str
    revision: int
    """The revision that is wanted; revisions count from 1."""
    serving_revision: int
    """The one that answers, 0 for none. It is the older one while, and after, a newer one did not become healthy."""
    deployment: Deployment
    """Of the wanted revision."""
    settings: ServiceSettings
    """Without ``ssl_key``."""
    port: int
    error: Optional[ServiceError] = None
    """Of the wanted revision, or of the workers that do not stay alive."""
    workers: int = 0
    """Workers that are ready."""
    image_id: str = ""
    phase: str = ""
    """What is being done for the wanted revision: ``models``, ``environment``, ``start``; empty when nothing is."""


@dataclass(frozen=True)
class KeyChoice:
    """Which key is to be made anew: ``Primary`` or ``Secondary``; ``key`` in the place of a random one."""

    which: str
    key: str = field(default="", repr=False)


@dataclass(frozen=True)
class NewImage:
    """A deployment that is kept under a name and a version, to be deployed later, as v1's images are."""

    name: str
    registration_id: str
    deployment: Deployment
    description: str = ""
    tags: Dict[str, str] = field(default_factory=dict)
    properties: Dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ImageChange:
    """What is to be different of an image."""

    replace_tags: Optional[Dict[str, str]] = None
    set_tags: Dict[str, str] = field(default_factory=dict)
    remove_tags: List[str] = field(default_factory=list)
    add_properties: Dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Image:
    """A kept deployment; ``id`` is ``name:version``."""

    id: str
    name: str
    version: int
    deployment: Deployment
    description: str
    tags: Dict[str, str]
    properties: Dict[str, str]
    created_at: str
    created_by: str


@dataclass(frozen=True)
class ServiceJob:
    """What an endpoint kind hands to the supervisor of a web service: a file, readable by its owner only.

    The folder in which the file lies is the service's own: revisions, models and logs stand beside it.
    """

    server_url: str
    token: str
    """It fetches contents of the workspace, and speaks for this web service."""
    workspace_id: str
    workspace_name: str
    environments_folder: str
    name: str
    attempt: int
    host: str
    port: int
    environment_limits: EnvironmentLimits = field(default_factory=EnvironmentLimits)


@dataclass(frozen=True)
class DeployedModel:
    """A model with its files, for the compute."""

    name: str
    version: int
    files: List[ModelFile]


@dataclass(frozen=True)
class Revision:
    """All that the compute needs to know to serve a revision."""

    number: int
    deployment: Deployment
    settings: ServiceSettings
    source: List[SnapshotFile]
    models: List[DeployedModel]
    mlflow_folder: str = ""
    """For the driver ``mlflow``: the folder within the model that holds ``MLmodel``."""


@dataclass(frozen=True)
class Orders:
    """How a web service is to be. The supervisor brings it there, and tells with the number when it has."""

    order: int
    attempt: int
    """A supervisor of another attempt ends at once."""
    revision: Optional[Revision] = None
    """The one that is wanted; None where the supervisor knows these orders already."""
    fallback: Optional[Revision] = None
    """The newest one that has been healthy, where that is another: it serves until the wanted one does."""
    keys: Optional[WebserviceKeys] = None
    """None where neither of the revisions asks for a key."""
    reloads: int = 0
    """Counted up to have all workers started anew."""
    stop: bool = False
    """End: the web service is deleted."""


@dataclass(frozen=True)
class ServiceReport:
    """How a web service is, told by its supervisor, which gets the next orders as the answer."""

    attempt: int
    sequence: int
    """Counted up with each report, so that one which arrives late does not take the place of a newer one."""
    known_order: int
    """The newest order that the supervisor has seen. Keys count from then on; the rest takes its time."""
    order: int
    """The newest order that has been carried out, or has failed."""
    serving_revision: int
    workers: int
    phase: str = ""
    error: Optional[ServiceError] = None
    wait_seconds: float = 0.0
    """How long the server may keep the answer back until there is an order beyond ``known_order``."""
