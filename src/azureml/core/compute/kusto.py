"""v1's ``azureml.core.compute.kusto``: ``KustoCompute`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"Azure Data Explorer": ["KustoAttachConfiguration", "KustoCompute"]},
)
