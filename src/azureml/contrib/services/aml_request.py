"""v1's ``azureml.contrib.services.aml_request``: ``AMLRequest``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"deployments": ["AMLRequest", "rawhttp"]},
)
