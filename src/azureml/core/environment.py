"""v1's ``azureml.core.environment``: environments and their sections."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "CondaDependencies": "azureml.core.conda_dependencies",
        "ContainerRegistry": "azureml.core.container_registry",
        "DatabricksSection": "azureml.core.databricks",
        "DockerBuildContext": "terrazul.sdk.environment",
        "DockerEnvironment": "terrazul.sdk.environment",
        "DockerImageDetails": "terrazul.sdk.environment",
        "DockerImagePlatform": "terrazul.sdk.environment",
        "DockerSection": "terrazul.sdk.environment",
        "Environment": "terrazul.sdk.environment",
        "EnvironmentReference": "terrazul.sdk.environment",
        "ImageBuildDetails": "terrazul.sdk.environment",
        "PythonEnvironment": "terrazul.sdk.environment",
        "PythonSection": "terrazul.sdk.environment",
        "RCranPackage": "terrazul.sdk.environment",
        "RGitHubPackage": "terrazul.sdk.environment",
        "RSection": "terrazul.sdk.environment",
        "SparkEnvironment": "terrazul.sdk.environment",
        "SparkPackage": "terrazul.sdk.environment",
        "SparkSection": "terrazul.sdk.environment",
        "DEFAULT_CPU_IMAGE": "terrazul.sdk.environment",
        "DEFAULT_GPU_IMAGE": "terrazul.sdk.environment",
    },
)
