"""v1's ``azureml.train.automl.automlexplainer``: ``retrieve_model_explanation``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"automated ML": ["retrieve_model_explanation"]},
)
