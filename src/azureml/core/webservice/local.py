"""v1's ``azureml.core.webservice.local``: ``LocalWebservice`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "LocalWebservice": "terrazul.sdk.webservice.local",
        "LocalWebserviceDeploymentConfiguration": "terrazul.sdk.webservice.local",
    },
)
