"""v1's ``azureml.data.dataset_profile``: ``DatasetProfile``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "DatasetProfile": "terrazul.sdk.dataset.dataset_profile",
    },
)
