"""v1's ``azureml.data.azure_storage_datastore``: ``AzureBlobDatastore`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "AbstractAzureStorageDatastore": "terrazul.sdk.datastore.azure_storage",
        "AzureBlobDatastore": "terrazul.sdk.datastore.azure_storage",
        "AzureFileDatastore": "terrazul.sdk.datastore.azure_storage",
        "EMPTY_FILE": "terrazul.sdk.datastore.azure_storage",
        "FILE": "terrazul.sdk.datastore.azure_storage",
        "FOLDER": "terrazul.sdk.datastore.azure_storage",
    },
)
