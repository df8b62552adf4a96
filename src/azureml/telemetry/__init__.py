"""v1's ``azureml.telemetry``: what asked for the sending of diagnostics; nothing is ever sent here."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "UserErrorException": "terrazul.core.errors",
    },
    not_yet={
        "telemetry": [
            "add_diagnostics_properties",
            "get_diagnostics_collection_info",
            "get_event_logger",
            "get_telemetry_log_handler",
            "is_diagnostics_collection_info_available",
            "set_diagnostics_collection",
            "set_diagnostics_properties",
            "AML_INTERNAL_LOGGER_NAMESPACE",
            "DIAGNOSTICS_VERBOSITY_KEY",
            "INSTRUMENTATION_KEY",
            "LOGGER_NAME",
            "SEND_DIAGNOSTICS_KEY",
        ]
    },
)
