"""v1's ``azureml.contrib.automl.pipeline.steps.utilities``: ``get_output_from_mm_pipeline``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"automated ML": ["get_output_from_mm_pipeline", "set_environment_variables_for_run"]},
)
