"""v1's ``azureml.data``: datasets and where their output goes."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "DataType": "azureml.data.dataset_factory",
        "DatacacheStore": "azureml.data.datacache",
        "FileDataset": "azureml.data.file_dataset",
        "HDFSOutputDatasetConfig": "azureml.data.output_dataset_config",
        "LinkFileOutputDatasetConfig": "azureml.data.output_dataset_config",
        "LinkTabularOutputDatasetConfig": "azureml.data.output_dataset_config",
        "OutputFileDatasetConfig": "azureml.data.output_dataset_config",
        "TabularDataset": "azureml.data.tabular_dataset",
    },
)
