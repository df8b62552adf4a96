"""v1's ``azureml.core.experiment``: ``Experiment`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "Run": "azureml.core.run",
    },
    not_yet={"experiments": ["Experiment", "ViewType"]},
)
