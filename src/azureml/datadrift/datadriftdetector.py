"""v1's ``azureml.datadrift.datadriftdetector``: ``DataDriftDetector``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={
        "datasets": [
            "DataDriftDetector",
            "DEFAULT_COMPUTE_TARGET_NAME",
            "DEFAULT_DRIFT_THRESHOLD",
            "DEFAULT_VM_MAX_NODES",
            "DEFAULT_VM_SIZE",
        ]
    },
)
