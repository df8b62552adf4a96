"""v1's ``azureml.automl.runtime._ml_engine.classification_ml_engine``: ``evaluate_classifier``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"automated ML": ["evaluate_classifier"]},
)
