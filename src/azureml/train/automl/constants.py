"""v1's ``azureml.train.automl.constants``: the words of automated machine learning in training."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "Metric": "azureml.automl.core.shared.constants",
    },
    not_yet={
        "automated ML": [
            "AutoMLPipelineScenario",
            "ComputeTargets",
            "Environments",
            "ExperimentObserver",
            "Framework",
            "HTSConstants",
            "HTSSupportedInputType",
            "InferenceTypes",
            "Scenarios",
            "SupportedInputDatatypes",
            "SupportedModels",
            "Tasks",
            "TimeSeries",
            "AUTOML_FIT_PARAMS_PATH",
            "AUTOML_IMAGE_RUN_SOURCE",
            "AUTOML_SETTINGS_PATH",
            "BEST_RUN_ID_SUFFIX",
            "DATA_SCRIPT_FILE_NAME",
            "DNN_NLP_ITERATIONS_DEFAULT",
            "EARLY_STOPPING_NUM_LANDMARKS",
            "INFERENCE_OUTPUT",
            "LOCAL_PREDICT_NAME",
            "LOCAL_SCRIPT_NAME",
            "MANAGED_RUN_ID_PARAM",
            "MAX_ITERATIONS",
            "MAX_SAMPLES_AUTOBLOCK",
            "MODEL_EXPLANATION_TAG",
            "MODEL_FILE",
            "PIPELINE_FETCH_BATCH_SIZE_LIMIT",
            "PREDICTED_METRIC_NAME",
            "PREDICT_OUTPUT_FILE",
            "SCRIPT_RUN_ID_PROPERTY",
        ]
    },
)
