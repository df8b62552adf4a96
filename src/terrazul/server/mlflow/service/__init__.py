"""What an MLflow client can do."""

from __future__ import annotations

from terrazul.core.dataclass import dataclass
from terrazul.server.mlflow.service.experiments import MlflowExperiments
from terrazul.server.mlflow.service.files import MlflowFiles
from terrazul.server.mlflow.service.models import MlflowModels
from terrazul.server.mlflow.service.recording import MlflowRecording
from terrazul.server.mlflow.service.registry import MlflowRegistry
from terrazul.server.mlflow.service.runs import MlflowRuns


@dataclass(frozen=True)
class Mlflow:
    """Everything that the routes of MLflow's protocol speak to."""

    experiments: MlflowExperiments
    runs: MlflowRuns
    recording: MlflowRecording
    models: MlflowModels
    files: MlflowFiles
    registry: MlflowRegistry
