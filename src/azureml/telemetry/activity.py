"""v1's ``azureml.telemetry.activity``: ``ActivityCompletionStatus`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={
        "telemetry": [
            "ActivityCompletionStatus",
            "ActivityLoggerAdapter",
            "ActivityType",
            "log_activity",
            "monitor_with_activity",
        ]
    },
)
