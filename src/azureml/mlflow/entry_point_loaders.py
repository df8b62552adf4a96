"""v1's ``azureml.mlflow.entry_point_loaders``: what MLflow calls for the plug-in's entry points."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "azureml_request_header_provider": "terrazul.sdk.mlflow_plugin",
    },
    not_yet={
        "MLflow tracking": [
            "azureml_artifacts_builder",
            "azureml_model_registry_builder",
            "azureml_project_run_builder",
            "azureml_store_builder",
        ]
    },
)
