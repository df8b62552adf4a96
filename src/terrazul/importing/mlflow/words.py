"""MLflow's words, times and numbers as ours."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, NamedTuple, Optional

from terrazul.core.errors import InvalidInput
from terrazul.core.ids import check_experiment_name
from terrazul.importing.findings import Findings
from terrazul.importing.source import RunRecord
from terrazul.wire.importing import ImportedDataset, ImportedExperiment, ImportedRun
from terrazul.wire.metric import MetricPoint, to_json_value
from terrazul.wire.mlflow.rules import NOTE, USER, divide, state_of
from terrazul.wire.run import RunState

DELETED = "deleted"
DELETED_VERSION = "Deleted_Internal"
"""The stage of a version that was deleted; MLflow keeps its row."""
PROMPT = "mlflow.prompt.is_prompt"
STATUSES = {
    "1": "LOGGED_MODEL_PENDING",
    "2": "LOGGED_MODEL_READY",
    "3": "LOGGED_MODEL_UPLOAD_FAILED",
    "PENDING": "LOGGED_MODEL_PENDING",
    "READY": "LOGGED_MODEL_READY",
    "FAILED": "LOGGED_MODEL_UPLOAD_FAILED",
}


class RunFacts(NamedTuple):
    """What MLflow says of a run besides its data."""

    run_id: str
    name: str
    user: str
    status: str
    start: Optional[int]
    end: Optional[int]
    stage: str


def micro(milliseconds: Any, otherwise: int = 0) -> int:
    """A time of MLflow in our microseconds."""
    try:
        return int(milliseconds) * 1000
    except (TypeError, ValueError):
        return otherwise


def text(value: Any) -> str:
    """A text that may be missing."""
    return "" if value is None else str(value)


def texts(values: Any) -> Dict[str, str]:
    """Tags or parameters, as a mapping or as a list of keys and values."""
    if isinstance(values, dict):
        return {str(key): text(value) for key, value in values.items()}
    return {str(each["key"]): text(each.get("value")) for each in values or [] if "key" in each}


def number(value: Any) -> float:
    """A value of a metric, which JSON may hold as a text. Raises ``ValueError``."""
    return float(value)


def point(run_id: str, name: str, value: float, milliseconds: int, step: int) -> MetricPoint:
    """A value of a metric."""
    return MetricPoint(run_id, name, to_json_value(value), milliseconds * 1000, step=step)


def dataset(about: Dict[str, Any], tags: Dict[str, str]) -> ImportedDataset:
    """A dataset that a run reads; ``about`` has MLflow's names."""
    fields = ("name", "digest", "source_type", "source", "schema", "profile")
    return ImportedDataset(**{each: text(about.get(each)) for each in fields}, tags=tags)


def experiment(
    findings: Findings, about: Dict[str, Any], tags: Dict[str, str], stage: Any
) -> Optional[ImportedExperiment]:
    """An experiment; None, with a problem, where it cannot be here under its name."""
    name = text(about.get("name"))
    try:
        check_experiment_name(name)
    except InvalidInput as error:
        findings.problem(f"experiment {name!r}", f"{error.message} It does not come, nor do its runs.")
        return None
    created = micro(about.get("creation_time"))
    plain = {key: value for key, value in tags.items() if key != NOTE}
    updated = micro(about.get("last_update_time"), created)
    return ImportedExperiment(name, created, updated, tags.get(NOTE, ""), plain, deleted=text(stage) == DELETED)


def run(
    findings: Findings, facts: RunFacts, experiment_name: str, tags: Dict[str, str], about: ImportedRun
) -> RunRecord:
    """A run without its data. A status that is none makes it one that goes on, with a problem."""
    divided = divide(tags)
    plain = dict(divided.tags)
    if facts.user:
        plain.setdefault(USER, facts.user)
    try:
        state = state_of(facts.status)
    except InvalidInput:
        findings.problem(f"run {facts.run_id}", f"the status {facts.status!r} is none; it comes as one that goes on")
        state = RunState.RUNNING
    tells = about.datasets or about.read_models or about.made_models or about.deleted
    return RunRecord(
        facts.run_id,
        experiment_name,
        micro(facts.start, micro(facts.end)),
        state,
        None if facts.end is None else micro(facts.end),
        display_name=divided.run_name or facts.name,
        description=divided.note or "",
        parent_run_id=divided.parent or None,
        tags=plain,
        about=about if tells else None,
    )


def top_of(path: str) -> str:
    """Under which folder the files of a version lie: the last part of the path that it was registered from."""
    last = path.rstrip("/").rpartition("/")[2]
    return "model" if last in {"", "artifacts"} else last


def without_prompts(findings: Findings, named: Iterable[Dict[str, str]]) -> List[bool]:
    """For the tags of each registered model whether it is one; MLflow keeps prompts among them."""
    are_models = [tags.get(PROMPT, "").lower() != "true" for tags in named]
    findings.leave_out("prompts", are_models.count(False))
    return are_models
