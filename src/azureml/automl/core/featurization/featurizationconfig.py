"""v1's ``azureml.automl.core.featurization.featurizationconfig``: ``FeaturizationConfig``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"automated ML": ["FeaturizationConfig"]},
)
