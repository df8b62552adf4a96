"""v1's ``azureml._restclient.run_client``: ``RunClient``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"the private REST client": ["RunClient"]},
)
