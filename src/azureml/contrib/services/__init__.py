"""v1's ``azureml.contrib.services``: ``rawhttp``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "rawhttp": "azureml.contrib.services.aml_request",
    },
)
