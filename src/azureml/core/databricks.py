"""v1's ``azureml.core.databricks``: ``JarLibrary`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={
        "Databricks libraries": [
            "DatabricksCluster",
            "DatabricksEnvironment",
            "DatabricksSection",
            "EggLibrary",
            "JarLibrary",
            "MavenLibrary",
            "PyPiLibrary",
            "RCranLibrary",
        ]
    },
)
