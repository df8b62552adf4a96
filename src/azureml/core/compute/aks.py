"""v1's ``azureml.core.compute.aks``: ``AksCompute`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={
        "inference clusters on Kubernetes": [
            "AksAttachConfiguration",
            "AksCompute",
            "AksProvisioningConfiguration",
            "AksUpdateConfiguration",
            "SslConfiguration",
            "SystemService",
        ]
    },
)
