"""v1's ``azureml.core.compute_target``: the local target, and what prepared targets of the first releases."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "AbstractComputeTarget": "terrazul.sdk.compute.local",
        "ComputeTargetException": "azureml.exceptions",
        "LocalTarget": "terrazul.sdk.compute.local",
    },
    not_yet={
        "compute targets on other machines": [
            "attach_legacy_compute_target",
            "is_compute_target_prepared",
            "prepare_compute_target",
            "remove_legacy_compute_target",
        ]
    },
)
