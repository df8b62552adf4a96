"""v1's ``azureml.monitoring``: ``ModelDataCollector`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "ModelDataCollector": "azureml.monitoring.modeldatacollector",
        "std_tm": "azureml.monitoring.modeldatacollector",
    },
    not_yet={"model data collection": ["TelemetryLogger", "TelemetryLoggerContextFilter"]},
)
