"""v1's ``azureml.data.azure_storage_datastore``: ``AzureBlobDatastore`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={
        "datastores": [
            "AbstractAzureStorageDatastore",
            "AzureBlobDatastore",
            "AzureFileDatastore",
            "EMPTY_FILE",
            "FILE",
            "FOLDER",
        ]
    },
)
