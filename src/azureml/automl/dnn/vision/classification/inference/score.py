"""v1's ``azureml.automl.dnn.vision.classification.inference.score``: ``_score_with_model``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"automated ML": ["_score_with_model"]},
)
