"""v1's ``azureml.automl.core.featurization``: ``FeaturizationConfig``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "FeaturizationConfig": "azureml.automl.core.featurization.featurizationconfig",
    },
)
