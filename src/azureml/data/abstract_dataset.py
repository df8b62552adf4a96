"""v1's ``azureml.data.abstract_dataset``: ``AbstractDataset``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "AbstractDataset": "terrazul.sdk.dataset.abstract_dataset",
    },
)
