"""v1's ``azureml.train.automl.runtime._hts.hts_runtime_utilities``: ``dump_object_to_json``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"automated ML": ["dump_object_to_json"]},
)
