"""v1's ``azureml.core.webservice.container_resource_requirements``: ``ContainerResourceRequirements``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "ContainerResourceRequirements": "terrazul.sdk.webservice.resources",
    },
)
