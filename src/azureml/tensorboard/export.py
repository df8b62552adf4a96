"""v1's ``azureml.tensorboard.export``: ``export_to_tensorboard``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"TensorBoard": ["export_to_tensorboard"]},
)
