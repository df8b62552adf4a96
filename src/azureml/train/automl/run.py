"""v1's ``azureml.train.automl.run``: ``AutoMLRun``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={
        "automated ML": [
            "AutoMLRun",
            "CONTINUE_EXPERIMENT_KEY",
            "CONTINUE_EXPERIMENT_SET",
            "CONTINUE_EXPERIMENT_STATUS_KEY",
            "ITERATIONS_STR",
            "PRIMARY_METRIC_STR",
            "STATUS",
        ]
    },
)
