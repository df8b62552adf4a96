"""v1's ``azureml.tensorboard``: ``Tensorboard``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "Tensorboard": "azureml.tensorboard.tensorboard",
    },
)
