"""v1's ``azureml.data.dataset_action_run``: ``DatasetActionRun``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"v1's datasets from before 2019": ["DatasetActionRun"]},
)
