"""v1's ``azureml.telemetry.logger``: ``AbstractEventLogger`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"telemetry": ["AbstractEventLogger", "ApplicationInsightsEventLogger", "InMemoryEventLogger"]},
)
