"""v1's ``azureml.data.azure_my_sql_datastore``: ``AzureMySqlDatastore``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {"AzureMySqlDatastore": "terrazul.sdk.datastore.database"},
)
