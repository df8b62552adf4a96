"""v1's ``azureml._restclient.models``: ``RunTypeV2``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"the private REST client": ["RunTypeV2"]},
)
