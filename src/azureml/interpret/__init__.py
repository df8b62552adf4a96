"""v1's ``azureml.interpret``: ``ExplanationClient``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "MimicWrapper": "azureml.interpret.mimic_wrapper",
    },
    not_yet={"explanations": ["ExplanationClient"]},
)
