"""v1's ``azureml.responsibleai.common.pickle_model_loader``: ``PickleModelLoader``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"responsible AI": ["PickleModelLoader"]},
)
