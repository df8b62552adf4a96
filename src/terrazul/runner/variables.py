"""The environment variables of a script: v1's, MLflow's and its own, and none of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Mapping

from terrazul.node import surroundings
from terrazul.node.connection import workspace_path
from terrazul.wire.job import Job


def of_script(job: Job, inherited: Mapping[str, str], python: Path, sdk: Path, relay_url: str) -> dict[str, str]:
    """Everything a script finds around it; ``python`` is the interpreter it runs on, ``sdk`` our copy for it."""
    definition = job.definition
    own = {**definition.environment.environment_variables, **definition.environment_variables}
    return surroundings.of_process(inherited, {**own, **_of_run(job, relay_url)}, python, sdk)


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
        "MLFLOW_TRACKING_URI": f"{relay_url}{workspace_path(job)}/mlflow",
        "MLFLOW_TRACKING_TOKEN": job.token,
        "MLFLOW_RUN_ID": job.run_id,
        "MLFLOW_EXPERIMENT_NAME": job.experiment_name,
        "MLFLOW_EXPERIMENT_ID": job.experiment_id,
    }
