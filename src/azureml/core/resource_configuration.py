"""v1's ``azureml.core.resource_configuration``: ``ResourceConfiguration``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {"ResourceConfiguration": "terrazul.sdk.resource_configuration"},
)
