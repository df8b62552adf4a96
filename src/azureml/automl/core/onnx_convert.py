"""v1's ``azureml.automl.core.onnx_convert``: ``OnnxConvertConstants``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"automated ML": ["OnnxConvertConstants"]},
)
