"""v1's ``azureml.core.webservice.webservice``: ``Webservice`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "AutoScaler": "terrazul.sdk.webservice.resources",
        "ContainerResourceRequirements": "terrazul.sdk.webservice.resources",
        "DataCollection": "terrazul.sdk.webservice.resources",
        "LivenessProbeRequirements": "terrazul.sdk.webservice.resources",
        "WebServiceAccessToken": "terrazul.sdk.webservice.resources",
        "Webservice": "terrazul.sdk.webservice.webservice",
        "WebserviceDeploymentConfiguration": "terrazul.sdk.webservice.configuration",
        "WebserviceException": "azureml.exceptions",
    },
)
