"""The environment variables of a worker: v1's and its own, and none of ours. No token and no key is among them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Mapping

from terrazul.node import surroundings
from terrazul.scoring.folder import RevisionFolder
from terrazul.wire.endpoint import SCORING_TIMEOUT_MS, Driver, Revision, ServiceJob, ServiceSettings

_FAST_JSON = "TERRAZUL_FAST_JSON"
_OFF = "0"


def wants_fast_json(revision: Revision) -> bool:
    """Whether the deployment lets ``json.loads`` be made faster."""
    return _given(revision).get(_FAST_JSON) != _OFF


def of_worker(
    job: ServiceJob, revision: Revision, folder: RevisionFolder, python: Path, sdk: Path, fast_json: Path | None
) -> dict[str, str]:
    """Everything that a worker finds around it."""
    own = {
        "AML_APP_ROOT": str(folder.source),
        "AZUREML_SOURCE_DIRECTORY": str(folder.source / revision.deployment.source_folder),
        "AZUREML_ENTRY_SCRIPT": revision.deployment.entry_script,
        "AZUREML_MODEL_DIR": str(model_folder(revision, folder)),
        "SERVICE_NAME": job.name,
        "WORKSPACE_NAME": job.workspace_name,
        "SCORING_TIMEOUT_MS": str(scoring_timeout_ms(revision)),
        "WORKER_COUNT": str(worker_count(revision)),
        "AML_APP_INSIGHTS_ENABLED": str(revision.settings.enable_app_insights).lower(),
    }
    if revision.settings.collect_model_data:
        own["AML_MODEL_DC_STORAGE_ENABLED"] = "true"
        own["TERRAZUL_MODEL_DATA"] = str(Path(job.environments_folder).parent / "modeldata")
    if fast_json is not None:
        own[_FAST_JSON] = str(fast_json)
    return surroundings.of_process(os.environ, {**_given(revision), **own}, python, sdk)


def model_folder(revision: Revision, folder: RevisionFolder) -> Path:
    """What ``AZUREML_MODEL_DIR`` names: the version's folder of a single model, else the folder of all."""
    if len(revision.models) != 1:
        return folder.models
    model = revision.models[0]
    version = folder.models / model.name / str(model.version)
    return version / revision.mlflow_folder if revision.deployment.driver is Driver.MLFLOW else version


def worker_count(revision: Revision) -> int:
    """The workers that the settings ask for, or that the environment's ``WORKER_COUNT`` does where they say nothing."""
    return _chosen(revision, revision.settings.worker_count, ServiceSettings().worker_count, "WORKER_COUNT")


def scoring_timeout_ms(revision: Revision) -> int:
    """The longest score by the settings, or by the environment's ``SCORING_TIMEOUT_MS`` where they say nothing."""
    return _chosen(revision, revision.settings.scoring_timeout_ms, SCORING_TIMEOUT_MS, "SCORING_TIMEOUT_MS")


def cors_origins(revision: Revision) -> list[str]:
    """The origins of the settings, or those of the environment's ``AML_CORS_ORIGINS`` where there are none."""
    text = _given(revision).get("AML_CORS_ORIGINS", "")
    return revision.settings.cors_origins or [origin.strip() for origin in text.split(",") if origin.strip()]


def _chosen(revision: Revision, value: int, default: int, name: str) -> int:
    text = _given(revision).get(name, "").strip()
    return int(text) if value == default and text.isascii() and text.isdigit() and int(text) > 0 else value


def _given(revision: Revision) -> Mapping[str, str]:
    return revision.deployment.environment.environment_variables
