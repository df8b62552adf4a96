"""v1's ``azureml.automl.dnn.nlp.common.io.utils``: ``load_model_wrapper``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"automated ML": ["load_model_wrapper"]},
)
