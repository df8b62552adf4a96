"""v1's ``azureml.data.constants``: the words that datastores and datasets are described by."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={
        "datasets": [
            "ACCOUNT_KEY",
            "AZURE_BLOB",
            "AZURE_DATA_LAKE",
            "AZURE_DATA_LAKE_GEN2",
            "AZURE_FILE",
            "AZURE_MYSQL",
            "AZURE_POSTGRESQL",
            "AZURE_SQL_DATABASE",
            "CLIENT_CREDENTIALS",
            "CUSTOM",
            "DBFS",
            "DIRECT_MODE",
            "DOWNLOAD_MODE",
            "GIT",
            "HDFS",
            "HDFS_MODE",
            "LINK_MODE",
            "MANAGED_DATASET",
            "MOUNT_MODE",
            "NONE",
            "ONE_LAKE",
            "ROLE_ID_OF_READER",
            "ROLE_ID_OF_STORAGE_BLOB_DATA_READER",
            "SAS",
            "SERVICE_PRINCIPAL",
            "SQL_AUTHENTICATION",
            "UPLOAD_MODE",
            "WORKSPACE_BLOB_DATASTORE",
            "WORKSPACE_FILE_DATASTORE",
        ]
    },
)
