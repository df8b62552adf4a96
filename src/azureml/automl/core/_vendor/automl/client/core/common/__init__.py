"""v1's ``azureml.automl.core._vendor.automl.client.core.common``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(__name__, {})
