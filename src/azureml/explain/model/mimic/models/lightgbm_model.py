"""v1's ``azureml.explain.model.mimic.models.lightgbm_model``: ``LGBMExplainableModel``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"explanations": ["LGBMExplainableModel"]},
)
