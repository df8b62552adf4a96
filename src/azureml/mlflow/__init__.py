"""v1's ``azureml.mlflow``: MLflow's runs and models in a workspace."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"MLflow tracking": ["get_portal_url", "register_model"]},
)
