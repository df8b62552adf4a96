"""v1's ``azureml.mlflow.entry_point_loaders``: ``azureml_artifacts_builder``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={
        "MLflow tracking": [
            "azureml_artifacts_builder",
            "azureml_model_registry_builder",
            "azureml_project_run_builder",
            "azureml_request_header_provider",
            "azureml_store_builder",
        ]
    },
)
