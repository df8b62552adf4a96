"""v1's ``azureml.core.compute.remote``: ``RemoteCompute`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "RemoteCompute": "terrazul.sdk.compute.remote",
        "RemoteComputeAttachConfiguration": "terrazul.sdk.compute.configuration",
    },
)
