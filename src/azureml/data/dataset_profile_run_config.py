"""v1's ``azureml.data.dataset_profile_run_config``: ``DatasetProfileRunConfig``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "DatasetProfileRunConfig": "terrazul.sdk.dataset.profile_run",
    },
)
