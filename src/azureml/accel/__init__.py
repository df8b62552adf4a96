"""v1's ``azureml.accel``: ``AccelContainerImage`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"accelerated models": ["AccelContainerImage", "AccelOnnxConverter", "client_from_service"]},
)
