"""v1's ``azureml.core.keyvault``: ``Keyvault``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {"Keyvault": "terrazul.sdk.keyvault"},
)
