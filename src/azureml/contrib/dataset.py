"""v1's ``azureml.contrib.dataset``: ``FileHandlingOption`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"datasets": ["FileHandlingOption", "LabeledDatasetTask"]},
)
