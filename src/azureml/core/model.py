"""v1's ``azureml.core.model``: ``Model`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "Dataset": "azureml.core.dataset",
        "Environment": "azureml.core.environment",
        "Model": "terrazul.sdk.model",
        "ModelNotFoundException": "azureml.exceptions",
        "WebserviceException": "azureml.exceptions",
    },
    not_yet={"deployments": ["InferenceConfig", "ModelPackage"]},
)
