"""v1's ``azureml.interpret.common``: ``ModelSummary``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"explanations": ["ModelSummary"]},
)
