"""v1's switches for the sending of diagnostics. They are accepted; nothing is ever sent."""

from __future__ import annotations

import logging
from typing import Any, Mapping, Optional, Tuple

AML_INTERNAL_LOGGER_NAMESPACE = "azureml.telemetry"
INSTRUMENTATION_KEY = "71b954a8-6b7d-43f5-986c-3d3a6605d803"
LOGGER_NAME = "ApplicationInsightLogger"
SEND_DIAGNOSTICS_KEY = "send_diagnostics"
DIAGNOSTICS_VERBOSITY_KEY = "diagnostics_verbosity"


class SilentEventLogger:
    """Takes events and metrics, and forgets them."""

    def log_event(self, telemetry_event: object, white_listed_properties: object = None) -> None:
        """Forget an event."""

    def log_metric(self, telemetry_metric: object, white_listed_properties: object = None) -> None:
        """Forget a metric."""

    def flush(self) -> None:
        """Do nothing: nothing waits."""


def set_diagnostics_collection(
    send_diagnostics: bool = True, verbosity: int = logging.INFO, reason: str = "", path: Optional[str] = None
) -> None:
    """Accept a wish to send diagnostics; none are sent."""


def get_diagnostics_collection_info(
    component_name: Optional[str] = None, path: Optional[str] = None, proceed_in_hbi_mode: bool = False
) -> Tuple[bool, int]:
    """Whether diagnostics are sent, and from which level: never."""
    del component_name, path, proceed_in_hbi_mode
    return False, logging.NOTSET


def is_diagnostics_collection_info_available() -> bool:
    """Whether a wish about diagnostics is kept: never."""
    return False


def add_diagnostics_properties(properties: Mapping[str, Any]) -> None:
    """Accept facts about diagnostics that are not sent."""


def set_diagnostics_properties(properties: Mapping[str, Any]) -> None:
    """Accept facts about diagnostics that are not sent."""


def get_event_logger(*args: Any, **kwargs: Any) -> SilentEventLogger:
    """A logger that forgets what it is told."""
    del args, kwargs
    return SilentEventLogger()


def get_telemetry_log_handler(
    instrumentation_key: Optional[str] = None,
    component_name: Optional[str] = None,
    path: Optional[str] = None,
    proceed_in_hbi_mode: bool = False,
) -> logging.Handler:
    """A handler of ``logging`` that does nothing."""
    del instrumentation_key, component_name, path, proceed_in_hbi_mode
    return logging.NullHandler()
