"""v1's ``azureml._common.exceptions``: ``AzureMLException``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "AzureMLException": "azureml.exceptions",
    },
)
