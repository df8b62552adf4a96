"""v1's ``azureml.contrib.services.aml_response``: ``AMLResponse``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "AMLResponse": "terrazul.sdk.raw_exchange",
    },
)
