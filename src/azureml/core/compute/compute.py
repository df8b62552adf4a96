"""v1's ``azureml.core.compute.compute``: ``ComputeTarget`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "ComputeTarget": "terrazul.sdk.compute.target",
        "ComputeTargetAttachConfiguration": "terrazul.sdk.compute.configuration",
        "ComputeTargetException": "azureml.exceptions",
        "ComputeTargetProvisioningConfiguration": "terrazul.sdk.compute.configuration",
        "ComputeTargetUpdateConfiguration": "terrazul.sdk.compute.configuration",
    },
)
