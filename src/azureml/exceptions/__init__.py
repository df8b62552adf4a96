"""v1's ``azureml.exceptions``: the exceptions that v1 code catches."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "ActivityFailedException": "terrazul.core.errors",
        "AuthenticationException": "terrazul.core.errors",
        "AzureMLAggregatedException": "terrazul.core.errors:AggregatedException",
        "AzureMLException": "terrazul.core.errors:TerrazulError",
        "ComputeTargetException": "terrazul.core.errors",
        "DatasetTimestampMissingError": "terrazul.core.errors",
        "DiscoveryUrlNotFoundException": "terrazul.core.errors",
        "ExperimentExecutionException": "terrazul.core.errors",
        "ModelNotFoundException": "terrazul.core.errors",
        "ModelPathNotFoundException": "terrazul.core.errors",
        "ParallelRunException": "terrazul.core.errors",
        "ProjectSystemException": "terrazul.core.errors",
        "RunConfigurationException": "terrazul.core.errors",
        "RunEnvironmentException": "terrazul.core.errors",
        "ServiceException": "terrazul.core.errors:TerrazulError",
        "SnapshotException": "terrazul.core.errors",
        "TrainingException": "terrazul.core.errors",
        "UserErrorException": "terrazul.core.errors",
        "WebserviceException": "terrazul.core.errors",
        "WorkspaceException": "terrazul.core.errors",
        "WorkspacePrivateEndpointException": "terrazul.core.errors",
    },
)
