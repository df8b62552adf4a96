"""v1's ``azureml.automl.dnn.vision.common.model_export_utils``: ``load_model``, ``run_inference_batch``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"automated ML": ["load_model", "run_inference_batch"]},
)
