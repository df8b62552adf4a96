"""v1's ``azureml.train.automl.automl_adb_run``: ``AutoMLADBRun``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"automated ML": ["AutoMLADBRun"]},
)
