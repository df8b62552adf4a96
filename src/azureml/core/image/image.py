"""v1's ``azureml.core.image.image``: ``Image`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "Asset": "terrazul.sdk.image",
        "Image": "terrazul.sdk.image",
        "ImageConfig": "terrazul.sdk.image",
        "TargetRuntime": "terrazul.sdk.image",
    },
)
