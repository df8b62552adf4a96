"""v1's ``azureml.core.compute.databricks``: ``DatabricksAttachConfiguration`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"Azure Databricks": ["DatabricksAttachConfiguration", "DatabricksCompute"]},
)
