"""v1's ``azureml.automl.dnn.vision.common.constants``: ``ArtifactLiterals``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"automated ML": ["ArtifactLiterals"]},
)
