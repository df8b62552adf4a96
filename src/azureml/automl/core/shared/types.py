"""v1's ``azureml.automl.core.shared.types``: ``GrainType``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"automated ML": ["GrainType"]},
)
