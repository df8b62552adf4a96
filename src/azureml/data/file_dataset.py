"""v1's ``azureml.data.file_dataset``: ``FileDataset``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "FileDataset": "terrazul.sdk.dataset.file_dataset",
    },
)
