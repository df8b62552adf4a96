"""v1's ``azureml.data.dataset_factory``: ``TabularDatasetFactory`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "DataType": "terrazul.sdk.dataset.data_type",
        "FileDatasetFactory": "terrazul.sdk.dataset.file_factory",
        "TabularDatasetFactory": "terrazul.sdk.dataset.tabular_factory",
    },
)
