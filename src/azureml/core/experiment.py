"""v1's ``azureml.core.experiment``: ``Experiment`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "Experiment": "terrazul.sdk.strict_experiment",
        "Run": "azureml.core.run",
        "ViewType": "terrazul.sdk.experiment",
    },
)
