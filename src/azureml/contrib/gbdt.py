"""v1's ``azureml.contrib.gbdt``: ``LightGBM``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"LightGBM training": ["LightGBM"]},
)
