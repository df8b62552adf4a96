"""v1's ``azureml.train.automl``: automated machine learning."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "AutoMLConfig": "azureml.train.automl.automlconfig",
        "AutoMLImageConfig": "azureml.train.automl.automlimageconfig",
        "AutoMLStep": "azureml.pipeline.steps.automl_step",
        "AutoMLStepRun": "azureml.pipeline.steps.automl_step",
    },
    not_yet={"automated ML": ["get_sdk_dependencies"]},
)
