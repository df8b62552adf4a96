"""The environment variables of a script: v1's, MLflow's and its own, and none of ours."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Mapping

from terrazul.node.connection import workspace_path
from terrazul.wire.job import Job

_NOT_FOR_SCRIPTS = re.compile(r"(TERRAZUL|AZUREML|MLFLOW|PYTHON|VIRTUAL_ENV|__PYVENV)")


def of_script(job: Job, inherited: Mapping[str, str], python: Path, sdk: Path, relay_url: str) -> dict[str, str]:
    """Everything a script finds around it; ``python`` is the interpreter it runs on, ``sdk`` our copy for it."""
    variables = {name: value for name, value in inherited.items() if not _NOT_FOR_SCRIPTS.match(name)}
    variables.update(job.definition.environment.environment_variables)
    variables.update(job.definition.environment_variables)
    variables.update(_of_run(job, relay_url))
    variables["PATH"] = os.pathsep.join(filter(None, [str(python.parent), variables.get("PATH", os.defpath)]))
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, [str(sdk), variables.get("PYTHONPATH", "")]))
    variables["PYTHONUNBUFFERED"] = "1"
    if (python.parent.parent / "pyvenv.cfg").exists():
        variables["VIRTUAL_ENV"] = str(python.parent.parent)
    return variables


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
        "MLFLOW_EXPERIMENT_ID": str(job.experiment_number),
    }
