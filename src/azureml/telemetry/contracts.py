"""v1's ``azureml.telemetry.contracts``: ``Event`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={
        "telemetry": ["Event", "ExtensionFields", "Metric", "RequiredFields", "StandardFields", "TelemetryObjectBase"]
    },
)
