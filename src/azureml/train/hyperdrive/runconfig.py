"""v1's ``azureml.train.hyperdrive.runconfig``: ``HyperDriveConfig`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={
        "hyperparameter sweeps": [
            "HyperDriveConfig",
            "HyperDriveRunConfig",
            "PrimaryMetricGoal",
            "HYPERDRIVE_URL_SUFFIX",
            "MAX_DURATION_MINUTES",
            "MAX_PARENT_RUNS",
            "RECOMMENDED_MAX_CONCURRENT_RUNS_BAYESIAN",
            "RECOMMENDED_MIN_RUNS_PER_PARAMETER_BAYESIAN",
            "RESUME_FROM_TOTAL_RUNS",
        ]
    },
)
