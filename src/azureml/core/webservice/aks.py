"""v1's ``azureml.core.webservice.aks``: ``AksWebservice`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={
        "deployments": [
            "AksEndpoint",
            "AksEndpointDeploymentConfiguration",
            "AksServiceAccessToken",
            "AksServiceDeploymentConfiguration",
            "AksWebservice",
            "AutoScaler",
            "ContainerResourceRequirements",
            "DataCollection",
            "LivenessProbeRequirements",
        ]
    },
)
