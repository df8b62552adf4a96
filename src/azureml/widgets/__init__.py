"""v1's ``azureml.widgets``: the view of a run in a notebook."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "ParallelRunStepDetails": "azureml.widgets.parallel_run_step_details",
        "RunDetails": "azureml.widgets.run_details",
    },
)
