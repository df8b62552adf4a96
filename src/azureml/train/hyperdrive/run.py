"""v1's ``azureml.train.hyperdrive.run``: ``HyperDriveRun``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "PrimaryMetricGoal": "azureml.train.hyperdrive.runconfig",
    },
    not_yet={"hyperparameter sweeps": ["HyperDriveRun"]},
)
