"""The environment variables of a script: v1's, MLflow's and its own, and none of ours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Mapping

from terrazul.node import surroundings
from terrazul.node.connection import workspace_path
from terrazul.wire.hold import Inside
from terrazul.wire.job import Job

FOLDER_VARIABLE, LIMIT_VARIABLE = "AZUREML_DATA_CACHE", "AZUREML_DATA_CACHE_BYTES"
"""Where scripts find the cache of their machine, and how large it may be."""


def of_script(
    job: Job, inherited: Mapping[str, str], python: Path, sdk: Path, relay_url: str, data: Mapping[str, str]
) -> dict[str, str]:
    """Everything a script finds around it.

    ``python`` is the interpreter it runs on, ``sdk`` our copy for it, ``data`` tells where its inputs and outputs are.
    """
    definition = job.definition
    own = {**definition.environment.environment_variables, **definition.environment_variables}
    return surroundings.of_process(inherited, {**own, **data, **_of_run(job, relay_url)}, python, sdk)


_OF_OURS = re.compile(r"(AZUREML_(?!DATA)|MLFLOW_)")


def inside(work: Path, python: Path, surroundings: Mapping[str, str]) -> Inside:
    """What is found in the folder of a run that has ended: what its script found, less what led to the server."""
    kept = {name: value for name, value in surroundings.items() if not _OF_OURS.match(name)}
    return Inside(str(work), str(python), kept)


def _of_run(job: Job, relay_url: str) -> dict[str, str]:
    return {
        "AZUREML_RUN_ID": job.run_id,
        "AZUREML_ARM_SUBSCRIPTION": job.workspace.subscription_id,
        "AZUREML_ARM_RESOURCEGROUP": job.workspace.resource_group,
        "AZUREML_ARM_WORKSPACE_NAME": job.workspace.name,
        "AZUREML_ARM_PROJECT_NAME": job.experiment_name,
        "AZUREML_EXPERIMENT_ID": job.experiment_id,
        "AZUREML_WORKSPACE_ID": job.workspace_id,
        "AZUREML_RUN_TOKEN": job.token,
        "AZUREML_SERVICE_ENDPOINT": relay_url,
        FOLDER_VARIABLE: str(cache_folder(job)),
        LIMIT_VARIABLE: str(job.data_cache_bytes),
        "MLFLOW_TRACKING_URI": f"{relay_url}{workspace_path(job)}/mlflow",
        "MLFLOW_TRACKING_TOKEN": job.token,
        "MLFLOW_RUN_ID": job.run_id,
        "MLFLOW_EXPERIMENT_NAME": job.experiment_name,
        "MLFLOW_EXPERIMENT_ID": str(job.experiment_number),
    }


def cache_folder(job: Job) -> Path:
    """The cache for data of this node, which its scripts read from too."""
    return Path(job.environments_folder).parent / "cache" / "data"
