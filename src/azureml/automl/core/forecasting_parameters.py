"""v1's ``azureml.automl.core.forecasting_parameters``: ``ForecastingParameters``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"automated ML": ["ForecastingParameters"]},
)
