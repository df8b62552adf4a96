"""v1's ``azureml.automl.dnn.vision.common.utils``: ``_set_logging_parameters``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"automated ML": ["_set_logging_parameters"]},
)
