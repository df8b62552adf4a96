"""v1's ``azureml.automl.runtime.shared.score.scoring``: ``score_classification``, ``score_regression``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"automated ML": ["score_classification", "score_regression"]},
)
