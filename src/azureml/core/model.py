"""v1's ``azureml.core.model``: ``Model`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "Dataset": "azureml.core.dataset",
        "Environment": "azureml.core.environment",
        "InferenceConfig": "terrazul.sdk.inference_config",
        "Model": "terrazul.sdk.model",
        "ModelNotFoundException": "azureml.exceptions",
        "ModelPackage": "terrazul.sdk.model_package",
        "WebserviceException": "azureml.exceptions",
    },
)
