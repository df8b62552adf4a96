"""What MLflow asks of v1's plug-in on its own import, in an interpreter that holds the original ``azureml-mlflow``."""

from __future__ import annotations

from typing import Dict


class NoRequestHeaders:
    """A provider of request headers that has none: MLflow's own variables hold all that a run needs."""

    def in_context(self) -> bool:
        """Never, so that MLflow does not ask for headers."""
        return False

    def request_headers(self) -> Dict[str, str]:
        """No headers."""
        return {}


def azureml_request_header_provider() -> NoRequestHeaders:
    """The provider that MLflow makes for the plug-in's entry point."""
    return NoRequestHeaders()
