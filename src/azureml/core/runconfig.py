"""v1's ``azureml.core.runconfig``: run configurations and their sections."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "CondaDependencies": "azureml.core.conda_dependencies",
        "EggLibrary": "azureml.core.databricks",
        "Environment": "azureml.core.environment",
        "JarLibrary": "azureml.core.databricks",
        "MavenLibrary": "azureml.core.databricks",
        "PyPiLibrary": "azureml.core.databricks",
        "RCranLibrary": "azureml.core.databricks",
        "RegistryIdentity": "azureml.core.container_registry",
        "DEFAULT_CPU_IMAGE": "azureml.core.environment",
        "DEFAULT_GPU_IMAGE": "azureml.core.environment",
    },
    not_yet={
        "run configurations": [
            "AmlComputeConfiguration",
            "ApplicationEndpointConfiguration",
            "AzureContainerRegistry",
            "ContainerRegistry",
            "Data",
            "DataLocation",
            "DataPath",
            "DataReferenceConfiguration",
            "DatacacheConfiguration",
            "Dataset",
            "DatasetRegistrationOptions",
            "DockerConfiguration",
            "EnvironmentDefinition",
            "GlobsOptions",
            "HdiConfiguration",
            "HistoryConfiguration",
            "KubernetesComputeConfiguration",
            "MountOptions",
            "MpiConfiguration",
            "OutputData",
            "OutputOptions",
            "ParallelTaskConfiguration",
            "PyTorchConfiguration",
            "RegistrationOptions",
            "RunConfiguration",
            "SparkConfiguration",
            "TensorflowConfiguration",
            "UploadOptions",
            "Uri",
            "LOCAL_RUNCONFIG_NAME",
        ]
    },
)
