"""v1's ``azureml.pipeline.steps.data_transfer_step``: ``DataTransferStep``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"pipelines": ["DataTransferStep"]},
)
