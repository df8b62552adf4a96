"""v1's ``azureml._restclient.models.create_run_dto``: ``CreateRunDto``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"the private REST client": ["CreateRunDto"]},
)
