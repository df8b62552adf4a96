"""v1's ``azureml.pipeline.steps.r_script_step``: ``RScriptStep``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"pipelines": ["RScriptStep"]},
)
