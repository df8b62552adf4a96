"""v1's ``azureml.pipeline.steps.mpi_step``: ``MpiStep``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"pipelines": ["MpiStep"]},
)
