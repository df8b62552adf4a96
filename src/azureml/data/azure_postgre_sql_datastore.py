"""v1's ``azureml.data.azure_postgre_sql_datastore``: ``AzurePostgreSqlDatastore``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {"AzurePostgreSqlDatastore": "terrazul.sdk.datastore.database"},
)
