"""v1's ``azureml.telemetry.loggers``: ``Loggers``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"telemetry": ["Loggers"]},
)
