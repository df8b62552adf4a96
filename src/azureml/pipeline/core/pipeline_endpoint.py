"""v1's ``azureml.pipeline.core.pipeline_endpoint``: ``PipelineEndpoint`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"pipelines": ["PipelineEndpoint", "PipelineIdVersion", "PipelineVersion"]},
)
