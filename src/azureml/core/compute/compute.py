"""v1's ``azureml.core.compute.compute``: ``ComputeTarget`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "ComputeTargetException": "azureml.exceptions",
    },
    not_yet={
        "compute targets": [
            "ComputeTarget",
            "ComputeTargetAttachConfiguration",
            "ComputeTargetProvisioningConfiguration",
            "ComputeTargetUpdateConfiguration",
        ]
    },
)
