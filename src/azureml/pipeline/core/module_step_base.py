"""v1's ``azureml.pipeline.core.module_step_base``: ``ModuleStepBase``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"pipelines": ["ModuleStepBase"]},
)
