"""v1's ``azureml.contrib.explain.model.explanation.explanation_client``: ``ExplanationClient``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "ExplanationClient": "azureml.interpret",
    },
)
