"""v1's ``azureml.core.webservice.unknown_webservice``: ``UnknownWebservice``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "UnknownWebservice": "terrazul.sdk.webservice.unknown",
    },
)
