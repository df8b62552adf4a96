"""v1's ``azureml.data.dataset_error_handling``: ``DatasetValidationError`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "DatasetExecutionError": "terrazul.core.errors",
        "DatasetValidationError": "terrazul.core.errors",
    },
)
