"""v1's ``azureml.automl.dnn.vision.common.logging_utils``: ``get_logger``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"automated ML": ["get_logger"]},
)
