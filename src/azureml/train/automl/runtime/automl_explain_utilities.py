"""v1's ``azureml.train.automl.runtime.automl_explain_utilities``: ``AutoMLExplainerSetupClass``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={
        "automated ML": [
            "AutoMLExplainerSetupClass",
            "automl_check_model_if_explainable",
            "automl_setup_model_explanations",
        ]
    },
)
