"""v1's ``azureml._restclient.exceptions``: ``ServiceException``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "ServiceException": "azureml.exceptions",
    },
)
