"""v1's ``azureml.automl.dnn.vision.object_detection_yolo.models.common``: ``Conv`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"automated ML": ["Conv", "Hardswish"]},
)
