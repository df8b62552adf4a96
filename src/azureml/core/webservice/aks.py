"""v1's ``azureml.core.webservice.aks``: ``AksWebservice`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "AutoScaler": "terrazul.sdk.webservice.resources",
        "ContainerResourceRequirements": "terrazul.sdk.webservice.resources",
        "DataCollection": "terrazul.sdk.webservice.resources",
        "LivenessProbeRequirements": "terrazul.sdk.webservice.resources",
    },
    not_yet={
        "inference clusters": [
            "AksEndpoint",
            "AksEndpointDeploymentConfiguration",
            "AksServiceAccessToken",
            "AksServiceDeploymentConfiguration",
            "AksWebservice",
        ]
    },
)
