"""v1's ``azureml.telemetry.logging_handler``: ``AppInsightsLoggingHandler``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"telemetry": ["AppInsightsLoggingHandler", "get_appinsights_log_handler", "FAILURE", "SUCCESS"]},
)
