"""v1's ``azureml.data.azure_data_lake_datastore``: ``AbstractADLSDatastore`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {"AzureDataLakeGen2Datastore": "terrazul.sdk.datastore.azure_storage"},
    not_yet={"Azure Data Lake Storage Gen1": ["AbstractADLSDatastore", "AzureDataLakeDatastore"]},
)
