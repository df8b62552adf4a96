"""v1's ``azureml_inference_server_http.api.aml_request``: ``rawhttp`` and the request that it asks for."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "AMLRequest": "terrazul.sdk.raw_exchange",
        "rawhttp": "terrazul.sdk.raw_http",
    },
)
