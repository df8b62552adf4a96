"""v1's ``azureml.train.automl.runtime._hts.hts_parameters``: ``HTSInferenceParameters`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"automated ML": ["HTSInferenceParameters", "HTSTrainParameters"]},
)
