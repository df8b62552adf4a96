"""v1's ``azureml.widgets.parallel_run_step_details``: ``ParallelRunStepDetails``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"pipelines": ["ParallelRunStepDetails"]},
)
