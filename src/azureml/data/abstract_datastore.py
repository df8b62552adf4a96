"""v1's ``azureml.data.abstract_datastore``: ``AbstractDatastore``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {"AbstractDatastore": "terrazul.sdk.datastore.abstract"},
)
