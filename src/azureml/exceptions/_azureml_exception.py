"""v1's ``azureml.exceptions._azureml_exception``: ``ActivityFailedException``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "ActivityFailedException": "azureml.exceptions",
        "AuthenticationException": "azureml.exceptions",
        "AzureMLAggregatedException": "azureml.exceptions",
        "AzureMLException": "azureml.exceptions",
        "ComputeTargetException": "azureml.exceptions",
        "DatasetTimestampMissingError": "azureml.exceptions",
        "DiscoveryUrlNotFoundException": "azureml.exceptions",
        "ExperimentExecutionException": "azureml.exceptions",
        "ModelNotFoundException": "azureml.exceptions",
        "ModelPathNotFoundException": "azureml.exceptions",
        "ParallelRunException": "azureml.exceptions",
        "ProjectSystemException": "azureml.exceptions",
        "RunConfigurationException": "azureml.exceptions",
        "RunEnvironmentException": "azureml.exceptions",
        "ServiceException": "azureml.exceptions",
        "SnapshotException": "azureml.exceptions",
        "TrainingException": "azureml.exceptions",
        "UserErrorException": "azureml.exceptions",
        "WebserviceException": "azureml.exceptions",
        "WorkspaceException": "azureml.exceptions",
        "WorkspacePrivateEndpointException": "azureml.exceptions",
    },
)
