"""v1's ``azureml.core.compute.amlcompute``: ``AmlCompute`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "AmlCompute": "terrazul.sdk.compute.cluster",
        "AmlComputeNodeStateCounts": "terrazul.sdk.compute.status",
        "AmlComputeProvisioningConfiguration": "terrazul.sdk.compute.configuration",
        "AmlComputeStatus": "terrazul.sdk.compute.status",
        "ScaleSettings": "terrazul.sdk.compute.status",
    },
)
