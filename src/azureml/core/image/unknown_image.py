"""v1's ``azureml.core.image.unknown_image``: ``UnknownImage``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "UnknownImage": "terrazul.sdk.image",
    },
)
