"""The parts of MLflow's answers that both who holds the data and the relay write."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Mapping, Optional, Union

from terrazul.wire.mlflow.rules import status_of
from terrazul.wire.run import RunState

Json = Dict[str, Any]
ARTIFACTS = "mlflow-artifacts:/"


def experiment(number: int, name: str, stage: str = "active", location: Optional[str] = None) -> Json:
    """What names an experiment."""
    return {
        "experiment_id": str(number),
        "name": name,
        "artifact_location": location or f"{ARTIFACTS}{number}",
        "lifecycle_stage": stage,
    }


def run_info(
    run_id: str,
    name: str,
    experiment_number: int,
    user: str,
    state: RunState,
    started_at: int,
    ended_at: Optional[int] = None,
    location: Optional[str] = None,
    stage: str = "active",
) -> Json:
    """What describes a run; times are our microseconds."""
    info = {
        "run_uuid": run_id,
        "run_id": run_id,
        "run_name": name,
        "experiment_id": str(experiment_number),
        "user_id": user,
        "status": status_of(state),
        "start_time": started_at // 1000,
        "artifact_uri": artifact_uri(location, experiment_number, run_id),
        "lifecycle_stage": stage,
    }
    if ended_at is not None:
        info["end_time"] = ended_at // 1000
    return info


def artifact_uri(location: Optional[str], experiment_number: int, run_id: str) -> str:
    """Where a run's artifacts are: here, unless its experiment was given another place."""
    root = location.rstrip("/") if location else f"{ARTIFACTS}{experiment_number}"
    return f"{root}/{run_id}/artifacts"


def metric(key: str, value: float, time: int, step: int) -> Json:
    """One value of a metric."""
    return {"key": key, "value": number(value), "timestamp": time // 1000, "step": step}


def number(value: float) -> Union[float, str]:
    """A number as the protocol's JSON has it: words for what JSON lacks."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def pairs(texts: Mapping[str, str]) -> List[Json]:
    """Tags or parameters."""
    return [{"key": key, "value": value} for key, value in texts.items()]
