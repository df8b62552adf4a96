"""v1's ``azureml.automl.runtime.shared.score``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(__name__, {})
