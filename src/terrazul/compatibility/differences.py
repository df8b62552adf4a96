"""Where a v1 name works otherwise than in v1, and how: each a decision, most of them because users asked for it."""

from __future__ import annotations

from typing import Dict

DIFFERENCES: Dict[str, str] = {
    "azureml.contrib.services.aml_response.AMLResponse": "needs the package `flask` in the environment, as v1's does",
    "azureml.core.authentication.AzureCliAuthentication": "signs in with the server's token, without Azure's CLI",
    "azureml.core.authentication.InteractiveLoginAuthentication": "signs in with the server's token, without a browser",
    "azureml.core.authentication.MsiAuthentication": "signs in with the server's token, without a managed identity",
    "azureml.core.authentication.ServicePrincipalAuthentication": (
        "signs in with the server's token; the principal's password is neither kept nor sent"
    ),
    "azureml.core.conda_dependencies.CondaDependencies.create": (
        "without `python_version` it names the Python that submits, not 3.8.13"
    ),
    "azureml.core.environment.Environment.docker": (
        "is kept, with a notice in the log: the script runs as a process, not in a container"
    ),
    "azureml.core.environment.Environment.get": "a curated name, `AzureML-…`, gives a local equivalent",
    "azureml.core.environment.PythonSection.conda_dependencies": (
        "a Python that the machine lacks gives way to the nearest, told in log and properties; packages come from PyPI"
    ),
    "azureml.core.experiment.Experiment.submit": (
        "no limit of 300 MB or 2000 files; where no ignore file is, common junk such as `.git` is left out and told of"
    ),
    "azureml.core.run.Run.log": "a number of NumPy, `np.int64` too, is a number; a call does not wait for the server",
    "azureml.core.experiment.Experiment.start_logging": (
        "takes a snapshot of the folder that `snapshot_directory` names, and none without it; v1 took the current one"
    ),
    "azureml.core.run.Run.log_row": "rows with different columns can be read back, with `None` for a missing cell",
    "azureml.core.runconfig.DockerConfiguration": (
        "is kept, with a notice in the log: the script runs as a process, not in a container"
    ),
    "azureml.core.workspace.Workspace.from_config": (
        "on the embedded server a workspace that is named and does not exist is made"
    ),
    "azureml.monitoring.modeldatacollector.ModelDataCollector": (
        "writes to a folder of this machine; a list of lists is several rows"
    ),
    "azureml.telemetry.get_diagnostics_collection_info": "always tells that nothing is sent",
    "azureml.telemetry.set_diagnostics_collection": "is accepted; nothing is collected and nothing is sent",
}
