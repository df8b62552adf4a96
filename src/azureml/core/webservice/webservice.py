"""v1's ``azureml.core.webservice.webservice``: ``Webservice`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "WebserviceException": "azureml.exceptions",
    },
    not_yet={
        "deployments": [
            "AutoScaler",
            "ContainerResourceRequirements",
            "DataCollection",
            "LivenessProbeRequirements",
            "WebServiceAccessToken",
            "Webservice",
            "WebserviceDeploymentConfiguration",
        ]
    },
)
