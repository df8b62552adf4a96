"""v1's ``azureml.monitoring.modeldatacollector``: ``ModelDataCollector`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"model data collection": ["ModelDataCollector", "std_tm"]},
)
