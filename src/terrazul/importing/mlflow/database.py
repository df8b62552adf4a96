"""MLflow's SQL store: the tables of a database in SQLite or PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Sequence

from terrazul.core.errors import InvalidInput
from terrazul.importing.findings import Findings
from terrazul.importing.mlflow import words
from terrazul.importing.mlflow.places import Given, Places
from terrazul.importing.mlflow.tables import Row, Tables
from terrazul.importing.mlflow.version import version_record
from terrazul.importing.mlflow.words import RunFacts, micro, text
from terrazul.importing.source import Folder, LoggedModelRecord, ModelRecord, RunRecord
from terrazul.wire.importing import (
    ImportedDataset,
    ImportedExperiment,
    ImportedLoggedModel,
    ImportedMetric,
    ImportedName,
    ImportedRun,
)
from terrazul.wire.metric import MetricPoint, to_json_value

_NEEDED = frozenset({"experiments", "runs", "metrics", "params", "tags"})
_LEFT_OUT = {
    "traces": "trace_info",
    "evaluation datasets": "evaluation_datasets",
    "webhooks": "webhooks",
    "scorers": "scorers",
    "assessments": "assessments",
}
_MODELS = "models"


class DatabaseSource:
    """Reads the database of an MLflow server, from the schema of its version 1.0 on."""

    def __init__(self, tables: Tables, base: Path, given: Sequence[Given] = ()) -> None:
        missing = _NEEDED - tables.known
        if missing:
            message = f"The database is not one of MLflow: it has no table {', '.join(sorted(missing))}."
            raise InvalidInput(message, hint="Name the database that `mlflow server --backend-store-uri` names.")
        self.findings = Findings()
        self._tables = tables
        self._places = Places(base, [base / "mlruns", base / "mlartifacts"], given)
        self._ids: Dict[str, Any] = {}
        self._files_of: Dict[str, Folder] = {}

    def run_count(self) -> int:
        """How many runs the database holds."""
        return self._tables.count("runs")

    def experiments(self) -> Iterable[ImportedExperiment]:
        """The experiments, also deleted ones."""
        for what, table in _LEFT_OUT.items():
            self.findings.leave_out(what, self._tables.count(table))
        for row in self._tables.of("experiments"):
            experiment_id = row["experiment_id"]
            tags = words.texts(self._tables.of("experiment_tags", experiment_id=experiment_id))
            found = words.experiment(self.findings, row, tags, row.get("lifecycle_stage"))
            if found is None:
                continue
            if found.name in self._ids:
                where = f"in MLflow's workspace {row.get('workspace')!r}"
                self.findings.problem(f"experiment {found.name!r}", f"is there a second time, {where}, and stays")
                continue
            self._ids[found.name] = experiment_id
            yield found

    def runs(self, experiment_name: str) -> Iterable[RunRecord]:
        """The runs of an experiment."""
        for row in self._tables.of("runs", experiment_id=self._ids[experiment_name]):
            yield self._run(row, experiment_name)

    def logged_models(self) -> Iterable[LoggedModelRecord]:
        """The logged models, which MLflow has since its version 3."""
        for name, experiment_id in self._ids.items():
            for row in self._tables.of("logged_models", experiment_id=experiment_id):
                if row.get("lifecycle_stage") == words.DELETED:
                    self.findings.leave_out("deleted logged models", 1)
                else:
                    yield self._logged_model(row, name)

    def model_names(self) -> Iterable[str]:
        """The names of the registered models."""
        return (row["name"] for row in self._tables.of("registered_models"))

    def models(self) -> Iterable[ModelRecord]:
        """The registered models."""
        seen = set()
        for row in self._tables.of("registered_models"):
            name = row["name"]
            if name in seen:
                where = f"in MLflow's workspace {row.get('workspace')!r}"
                self.findings.problem(f"model {name!r}", f"is there a second time, {where}, and stays")
                continue
            seen.add(name)
            own = {"name": name, **({"workspace": row["workspace"]} if "workspace" in row else {})}
            tags = words.texts(self._tables.of("registered_model_tags", **own))
            if all(words.without_prompts(self.findings, [tags])):
                yield self._model(row, own, tags)

    def _run(self, row: Row, experiment_name: str) -> RunRecord:
        run_id = row["run_uuid"]
        facts = RunFacts(
            run_id, text(row.get("name")), text(row.get("user_id")), text(row["status"]), row["start_time"],
            row["end_time"], text(row.get("lifecycle_stage")),
        )  # fmt: skip
        about = ImportedRun(
            run_id, self._datasets(run_id), self._read_models(run_id), self._made_models(run_id),
            facts.stage == words.DELETED,
        )  # fmt: skip
        tags = words.texts(self._tables.of("tags", run_uuid=run_id))
        record = words.run(self.findings, facts, experiment_name, tags, about)
        record.parameters = words.texts(self._tables.of("params", run_uuid=run_id))
        record.points = lambda: self._points(run_id)
        usual = f"{row['experiment_id']}/{run_id}/artifacts"
        record.folder = self._files_of[run_id] = self._places.find(text(row.get("artifact_uri")), usual)
        return record

    def _points(self, run_id: str) -> Iterator[MetricPoint]:
        query = "SELECT * FROM metrics WHERE run_uuid = ? ORDER BY key, timestamp"
        for row in self._tables.rows(query, run_id):
            value = float("nan") if row.get("is_nan") else float(row["value"])
            yield words.point(run_id, row["key"], value, int(row["timestamp"]), int(row.get("step") or 0))

    def _datasets(self, run_id: str) -> List[ImportedDataset]:
        found = []
        for link in self._links("DATASET", destination_type="RUN", destination_id=run_id):
            tags = {row["name"]: row["value"] for row in self._tables.of("input_tags", input_uuid=link["input_uuid"])}
            for row in self._tables.of("datasets", dataset_uuid=link["source_id"]):
                about = {name.replace("dataset_", "", 1): value for name, value in row.items()}
                found.append(words.dataset(about, tags))
        return found

    def _read_models(self, run_id: str) -> List[str]:
        links = self._links("RUN_INPUT", source_id=run_id, destination_type="MODEL_INPUT")
        return [link["destination_id"] for link in links]

    def _made_models(self, run_id: str) -> Dict[str, int]:
        links = self._links("RUN_OUTPUT", source_id=run_id, destination_type="MODEL_OUTPUT")
        return {link["destination_id"]: int(link.get("step") or 0) for link in links}

    def _links(self, source_type: str, **equal: Any) -> List[Row]:
        return self._tables.of("inputs", source_type=source_type, **equal)

    def _logged_model(self, row: Row, experiment_name: str) -> LoggedModelRecord:
        model_id = row["model_id"]
        created = micro(row["creation_timestamp_ms"])
        parameters = self._tables.of("logged_model_params", model_id=model_id)
        tags = self._tables.of("logged_model_tags", model_id=model_id)
        about = ImportedLoggedModel(
            model_id, experiment_name, text(row["name"]), created, micro(row["last_updated_timestamp_ms"], created),
            text(row.get("source_run_id")), text(row.get("model_type")),
            words.STATUSES.get(text(row.get("status")), words.STATUSES["2"]),
            {each["param_key"]: each["param_value"] for each in parameters},
            {each["tag_key"]: each["tag_value"] for each in tags},
            [
                ImportedMetric(
                    each["metric_name"], to_json_value(float(each["metric_value"])),
                    int(each["metric_timestamp_ms"]) * 1000, int(each["metric_step"]), each["run_id"],
                    text(each.get("dataset_name")), text(each.get("dataset_digest")),
                )
                for each in self._tables.of("logged_model_metrics", model_id=model_id)
                if each["metric_value"] is not None
            ],
        )  # fmt: skip
        usual = f"{row['experiment_id']}/{_MODELS}/{model_id}/artifacts"
        files = self._files_of[model_id] = self._places.find(text(row.get("artifact_location")), usual)
        return LoggedModelRecord(about, files)

    def _model(self, row: Row, own: Dict[str, Any], tags: Dict[str, str]) -> ModelRecord:
        created = micro(row["creation_time"])
        all_versions = self._tables.of("model_versions", **own)
        aliases = self._tables.of("registered_model_aliases", **own)
        versions = []
        for each in sorted(all_versions, key=lambda version: int(version["version"])):
            if each.get("current_stage") == words.DELETED_VERSION:
                continue
            version_tags = words.texts(self._tables.of("model_version_tags", **own, version=each["version"]))
            versions.append(version_record(self._places, self._files_of, each, version_tags))
        about = ImportedName(
            row["name"], created, micro(row["last_updated_time"], created), text(row.get("description")), tags,
            {each["alias"]: int(each["version"]) for each in aliases},
            max((int(each["version"]) for each in all_versions), default=0),
        )  # fmt: skip
        return ModelRecord(about, versions)
