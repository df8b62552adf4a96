"""v1's ``azureml.data.azure_sql_database_datastore``: ``AzureSqlDatabaseDatastore``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {"AzureSqlDatabaseDatastore": "terrazul.sdk.datastore.database"},
)
