"""v1's ``azureml.train.automl.utilities``: ``get_primary_metrics``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"automated ML": ["get_primary_metrics"]},
)
