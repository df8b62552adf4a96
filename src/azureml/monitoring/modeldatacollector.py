"""v1's ``azureml.monitoring.modeldatacollector``: ``ModelDataCollector`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "ModelDataCollector": "terrazul.sdk.model_data_collector",
        "std_tm": "terrazul.sdk.model_data_collector:CalendarTime",
    },
)
