"""v1's ``azureml.core.webservice.aci``: ``AciWebservice`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "AciServiceDeploymentConfiguration": "terrazul.sdk.webservice.aci",
        "AciWebservice": "terrazul.sdk.webservice.aci",
        "ContainerResourceRequirements": "terrazul.sdk.webservice.resources",
        "EncryptionProperties": "terrazul.sdk.webservice.resources",
        "VnetConfiguration": "terrazul.sdk.webservice.resources",
    },
)
