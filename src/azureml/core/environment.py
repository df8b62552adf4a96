"""v1's ``azureml.core.environment``: environments and their sections."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "CondaDependencies": "azureml.core.conda_dependencies",
        "ContainerRegistry": "azureml.core.container_registry",
        "DatabricksSection": "azureml.core.databricks",
    },
    not_yet={
        "environments": [
            "DockerBuildContext",
            "DockerEnvironment",
            "DockerImageDetails",
            "DockerImagePlatform",
            "DockerSection",
            "Environment",
            "EnvironmentReference",
            "ImageBuildDetails",
            "PythonEnvironment",
            "PythonSection",
            "RCranPackage",
            "RGitHubPackage",
            "RSection",
            "SparkEnvironment",
            "SparkPackage",
            "SparkSection",
            "DEFAULT_CPU_IMAGE",
            "DEFAULT_GPU_IMAGE",
        ]
    },
)
