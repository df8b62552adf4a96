"""v1's ``azureml.telemetry``: what asked for the sending of diagnostics; nothing is ever sent here."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "UserErrorException": "terrazul.core.errors",
        "add_diagnostics_properties": "terrazul.sdk.telemetry",
        "get_diagnostics_collection_info": "terrazul.sdk.telemetry",
        "get_event_logger": "terrazul.sdk.telemetry",
        "get_telemetry_log_handler": "terrazul.sdk.telemetry",
        "is_diagnostics_collection_info_available": "terrazul.sdk.telemetry",
        "set_diagnostics_collection": "terrazul.sdk.telemetry",
        "set_diagnostics_properties": "terrazul.sdk.telemetry",
        "AML_INTERNAL_LOGGER_NAMESPACE": "terrazul.sdk.telemetry",
        "DIAGNOSTICS_VERBOSITY_KEY": "terrazul.sdk.telemetry",
        "INSTRUMENTATION_KEY": "terrazul.sdk.telemetry",
        "LOGGER_NAME": "terrazul.sdk.telemetry",
        "SEND_DIAGNOSTICS_KEY": "terrazul.sdk.telemetry",
    },
)
