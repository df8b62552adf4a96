"""v1's ``azureml.interpret.mimic_wrapper``: ``MimicWrapper``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"explanations": ["MimicWrapper"]},
)
