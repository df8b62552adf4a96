"""v1's ``azureml.train.automl.runtime._many_models.many_models_parameters``: ``ManyModelsInferenceParameters``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"automated ML": ["ManyModelsInferenceParameters", "ManyModelsTrainParameters"]},
)
