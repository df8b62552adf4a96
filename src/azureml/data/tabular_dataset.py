"""v1's ``azureml.data.tabular_dataset``: ``TabularDataset``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "TabularDataset": "terrazul.sdk.dataset.tabular_dataset",
    },
)
