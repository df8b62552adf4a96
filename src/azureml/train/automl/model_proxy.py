"""v1's ``azureml.train.automl.model_proxy``: ``ModelProxy``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"automated ML": ["ModelProxy", "FORECAST_QUANTILES", "RESULTS_PROPERTY"]},
)
