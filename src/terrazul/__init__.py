"""Terrazul: a self-hosted machine-learning platform that runs Azure Machine Learning v1 code unchanged.

The names that most code needs are here; each is loaded on its first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List

from terrazul.core.version import __version__

if TYPE_CHECKING:
    from terrazul.core.errors import TerrazulError
    from terrazul.sdk.conda_dependencies import CondaDependencies
    from terrazul.sdk.dataset.dataset import Dataset
    from terrazul.sdk.environment import Environment
    from terrazul.sdk.experiment import Experiment, ViewType
    from terrazul.sdk.model import Model
    from terrazul.sdk.run import Run, ScriptRun, get_run
    from terrazul.sdk.run_configuration import (
        DockerConfiguration,
        MpiConfiguration,
        PyTorchConfiguration,
        RunConfiguration,
        TensorflowConfiguration,
    )
    from terrazul.sdk.script_run_config import ScriptRunConfig
    from terrazul.sdk.widget import RunDetails
    from terrazul.sdk.workspace import Workspace

__all__ = [
    "CondaDependencies",
    "Dataset",
    "DockerConfiguration",
    "Environment",
    "Experiment",
    "Model",
    "MpiConfiguration",
    "PyTorchConfiguration",
    "Run",
    "RunConfiguration",
    "RunDetails",
    "ScriptRun",
    "ScriptRunConfig",
    "TensorflowConfiguration",
    "TerrazulError",
    "ViewType",
    "Workspace",
    "__version__",
    "get_run",
]

_HOMES = {
    "CondaDependencies": "terrazul.sdk.conda_dependencies",
    "Dataset": "terrazul.sdk.dataset.dataset",
    "DockerConfiguration": "terrazul.sdk.run_configuration",
    "Environment": "terrazul.sdk.environment",
    "Experiment": "terrazul.sdk.experiment",
    "Model": "terrazul.sdk.model",
    "MpiConfiguration": "terrazul.sdk.run_configuration",
    "PyTorchConfiguration": "terrazul.sdk.run_configuration",
    "Run": "terrazul.sdk.run",
    "RunConfiguration": "terrazul.sdk.run_configuration",
    "RunDetails": "terrazul.sdk.widget",
    "ScriptRun": "terrazul.sdk.run",
    "ScriptRunConfig": "terrazul.sdk.script_run_config",
    "TensorflowConfiguration": "terrazul.sdk.run_configuration",
    "TerrazulError": "terrazul.core.errors",
    "ViewType": "terrazul.sdk.experiment",
    "Workspace": "terrazul.sdk.workspace",
    "get_run": "terrazul.sdk.run",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  # `import terrazul` alone loads nothing

    return globals().setdefault(name, getattr(import_module(_HOMES[name]), name))


def __dir__() -> List[str]:
    return __all__
