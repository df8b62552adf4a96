"""Terrazul: a self-hosted machine-learning platform that runs Azure Machine Learning v1 code unchanged.

The public names are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import Any, List

from terrazul.core.version import __version__

_HOMES = {
    "CondaDependencies": "conda_dependencies",
    "DockerConfiguration": "run_configuration",
    "Environment": "environment",
    "Experiment": "experiment",
    "MpiConfiguration": "run_configuration",
    "PyTorchConfiguration": "run_configuration",
    "Run": "run",
    "RunConfiguration": "run_configuration",
    "RunDetails": "widget",
    "ScriptRun": "run",
    "ScriptRunConfig": "script_run_config",
    "TensorflowConfiguration": "run_configuration",
    "ViewType": "experiment",
    "Workspace": "workspace",
    "get_run": "run",
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604  # the names are texts, from the table


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module 'terrazul' has no attribute '{name}'"
        raise AttributeError(message)
    value = getattr(importlib.import_module(f"terrazul.sdk.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> List[str]:
    return sorted(__all__)
