"""v1's ``azureml.contrib.explain.model.tabular_explainer``: ``TabularExplainer``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"explanations": ["TabularExplainer"]},
)
