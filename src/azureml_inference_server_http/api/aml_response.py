"""v1's ``azureml_inference_server_http.api.aml_response``: ``AMLResponse``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "AMLResponse": "terrazul.sdk.raw_exchange",
    },
)
