"""v1's ``azureml.core.datastore``: ``Datastore``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {"Datastore": "terrazul.sdk.datastore.datastore"},
)
