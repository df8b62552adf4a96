"""v1's ``azureml.core.webservice``: every kind of web service."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "AciWebservice": "azureml.core.webservice.aci",
        "AksEndpoint": "azureml.core.webservice.aks",
        "AksWebservice": "azureml.core.webservice.aks",
        "LocalWebservice": "azureml.core.webservice.local",
        "UnknownWebservice": "azureml.core.webservice.unknown_webservice",
        "Webservice": "azureml.core.webservice.webservice",
        "WebserviceException": "azureml.exceptions",
    },
)
