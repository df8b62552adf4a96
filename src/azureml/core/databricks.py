"""v1's ``azureml.core.databricks``: ``JarLibrary`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "DatabricksCluster": "terrazul.sdk.databricks",
        "DatabricksEnvironment": "terrazul.sdk.databricks",
        "DatabricksSection": "terrazul.sdk.databricks",
        "EggLibrary": "terrazul.sdk.databricks",
        "JarLibrary": "terrazul.sdk.databricks",
        "MavenLibrary": "terrazul.sdk.databricks",
        "PyPiLibrary": "terrazul.sdk.databricks",
        "RCranLibrary": "terrazul.sdk.databricks",
    },
)
