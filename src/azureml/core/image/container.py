"""v1's ``azureml.core.image.container``: ``ContainerImage`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "ContainerImage": "terrazul.sdk.image",
        "ContainerImageConfig": "terrazul.sdk.image",
    },
)
