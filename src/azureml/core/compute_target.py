"""v1's ``azureml.core.compute_target``: the local target, and what prepared targets of the first releases."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "ComputeTargetException": "azureml.exceptions",
    },
    not_yet={
        "compute targets": [
            "AbstractComputeTarget",
            "LocalTarget",
            "attach_legacy_compute_target",
            "is_compute_target_prepared",
            "prepare_compute_target",
            "remove_legacy_compute_target",
        ]
    },
)
