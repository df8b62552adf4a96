"""v1's ``azureml.train.sklearn``: ``SKLearn``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(__name__, {"SKLearn": "terrazul.sdk.estimator"})
