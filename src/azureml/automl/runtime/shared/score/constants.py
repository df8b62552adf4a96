"""v1's ``azureml.automl.runtime.shared.score.constants``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"automated ML": ["CLASSIFICATION_SCALAR_SET", "REGRESSION_SCALAR_SET"]},
)
