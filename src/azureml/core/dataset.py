"""v1's ``azureml.core.dataset``: ``Dataset``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "Dataset": "terrazul.sdk.dataset.dataset",
    },
)
