"""v1's ``azureml.automl.runtime.onnx_convert``: ``OnnxConverter`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"automated ML": ["OnnxConverter", "OnnxInferenceHelper"]},
)
