"""v1's ``azureml.core.image``: container images, as the first releases built them."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "ContainerImage": "azureml.core.image.container",
        "Image": "azureml.core.image.image",
        "UnknownImage": "azureml.core.image.unknown_image",
    },
)
