"""v1's ``azureml.fsspec``: ``AzureMachineLearningFileSystem``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"an fsspec file system": ["AzureMachineLearningFileSystem"]},
)
