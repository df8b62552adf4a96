"""v1's ``azureml.accel.models``: ``QuantizedResnet50`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"accelerated models": ["QuantizedResnet50", "Resnet50", "SsdVgg"]},
)
