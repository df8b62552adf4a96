"""v1's ``azureml.data.azure_data_lake_datastore``: ``AbstractADLSDatastore`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"datastores": ["AbstractADLSDatastore", "AzureDataLakeDatastore", "AzureDataLakeGen2Datastore"]},
)
