"""v1's ``azureml.core``: the names that most code starts from."""

from azureml import __version__
from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "ComputeTarget": "azureml.core.compute.compute",
        "ContainerRegistry": "azureml.core.container_registry",
        "Dataset": "azureml.core.dataset",
        "Datastore": "azureml.core.datastore",
        "Environment": "azureml.core.environment",
        "Experiment": "azureml.core.experiment",
        "Image": "azureml.core.image.image",
        "Keyvault": "azureml.core.keyvault",
        "LinkedService": "azureml.core.linked_service",
        "Model": "azureml.core.model",
        "PrivateEndPoint": "azureml.core.private_endpoint",
        "PrivateEndPointConfig": "azureml.core.private_endpoint",
        "Run": "azureml.core.run",
        "RunConfiguration": "azureml.core.runconfig",
        "ScriptRun": "azureml.core.script_run",
        "ScriptRunConfig": "azureml.core.script_run_config",
        "SynapseWorkspaceLinkedServiceConfiguration": "azureml.core.linked_service",
        "Webservice": "azureml.core.webservice.webservice",
        "Workspace": "azureml.core.workspace",
        "attach_legacy_compute_target": "azureml.core.compute_target",
        "get_run": "azureml.core.run",
        "is_compute_target_prepared": "azureml.core.compute_target",
        "prepare_compute_target": "azureml.core.compute_target",
        "remove_legacy_compute_target": "azureml.core.compute_target",
    },
    not_yet={"diagnostic logs": ["diagnostic_log"]},
)
VERSION = __version__
