"""v1's ``azureml.core.container_registry``: ``ContainerRegistry`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "ContainerRegistry": "terrazul.sdk.container_registry",
        "RegistryIdentity": "terrazul.sdk.container_registry",
    },
)
