"""v1's ``azureml.data.dataset_profile_run``: ``DatasetProfileRun``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "DatasetProfileRun": "terrazul.sdk.dataset.profile_run",
    },
)
