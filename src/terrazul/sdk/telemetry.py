"""v1's diagnostics. Terrazul collects none and sends none: what code says about it is accepted and changes nothing."""

from __future__ import annotations

import logging
from typing import Any, Dict, Optional, Tuple

from terrazul.sdk.console import say

AML_INTERNAL_LOGGER_NAMESPACE = "azureml.telemetry"
LOGGER_NAME = "ApplicationInsightLogger"
SEND_DIAGNOSTICS_KEY = "send_diagnostics"
DIAGNOSTICS_VERBOSITY_KEY = "diagnostics_verbosity"
INSTRUMENTATION_KEY = "71b954a8-6b7d-43f5-986c-3d3a6605d803"
"""v1's, for code that passes it on; nothing is sent to it."""


class EventLogger:
    """Takes events and metrics of v1's telemetry, and drops them."""

    def log_event(self, telemetry_event: object, white_listed_properties: object = None) -> str:
        """Drop an event; the empty id of what was not recorded."""
        del telemetry_event, white_listed_properties
        return ""

    def log_metric(self, telemetry_metric: object, white_listed_properties: object = None) -> str:
        """Drop a metric; the empty id of what was not recorded."""
        del telemetry_metric, white_listed_properties
        return ""

    def flush(self) -> None:
        """There is nothing to flush."""


def set_diagnostics_collection(
    send_diagnostics: bool = True, verbosity: int = logging.INFO, reason: str = "", path: Optional[str] = None
) -> None:
    """Accept a wish about the collection of diagnostics, and say that there is none."""
    del verbosity, reason, path
    if send_diagnostics:
        say("Diagnostics stay off: Terrazul collects none and sends none.")


def get_diagnostics_collection_info(
    component_name: Optional[str] = None, path: Optional[str] = None, proceed_in_hbi_mode: bool = False
) -> Tuple[bool, None]:
    """Whether diagnostics are sent, and how many: they are not."""
    del component_name, path, proceed_in_hbi_mode
    return False, None


def is_diagnostics_collection_info_available() -> bool:
    """True: it is settled that nothing is collected, and nobody needs to be asked."""
    return True


def add_diagnostics_properties(properties: Dict[str, Any]) -> None:
    """Accept properties of diagnostics that are not sent."""


def set_diagnostics_properties(properties: Dict[str, Any]) -> None:
    """Accept properties of diagnostics that are not sent."""


def get_event_logger(*args: object, **kwargs: object) -> EventLogger:
    """A logger of events that drops them."""
    del args, kwargs
    return EventLogger()


def get_telemetry_log_handler(
    instrumentation_key: Optional[str] = None,
    component_name: Optional[str] = None,
    path: Optional[str] = None,
    proceed_in_hbi_mode: bool = False,
) -> logging.Handler:
    """A handler for the module ``logging`` that drops what it is given."""
    del instrumentation_key, component_name, path, proceed_in_hbi_mode
    return logging.NullHandler()
