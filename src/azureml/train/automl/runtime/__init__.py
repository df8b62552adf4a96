"""v1's ``azureml.train.automl.runtime``: ``AutoMLStep``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "AutoMLStep": "azureml.pipeline.steps.automl_step",
    },
)
