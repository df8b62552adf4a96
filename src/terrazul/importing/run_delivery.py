"""Writing runs into a workspace: new ones whole, and of those that are here what they lack."""

from __future__ import annotations

from itertools import groupby
from typing import Dict, List, NamedTuple, Set

from terrazul.core.errors import TerrazulError
from terrazul.importing.findings import Findings
from terrazul.importing.known_run import artifacts_of, known_runs, missing_points
from terrazul.importing.progress import Bar
from terrazul.importing.snapshot_delivery import SnapshotDelivery
from terrazul.importing.source import RunRecord
from terrazul.sdk.client import Client
from terrazul.sdk.content import SentFiles, SourceFile, send_files
from terrazul.sdk.writer import Writer
from terrazul.wire.artifact import Artifact
from terrazul.wire.importing import ImportAnswer, ImportBatch, ImportedRun
from terrazul.wire.mlflow.rules import PARENT
from terrazul.wire.run import Run, RunState
from terrazul.wire.write import NewArtifact, NewRun, RunChange, StateChange

_GROUP = 50
_PATIENCE_SECONDS = 3600
_RUNS = "runs"


class _Prepared(NamedTuple):
    """A run with what was found out about it before anything is written."""

    record: RunRecord
    here: Run | None
    files: List[SourceFile]
    known: Dict[str, Artifact]


class RunDelivery:
    """Takes runs one by one, in any order; a run is written after its parent. ``finish`` writes what is left."""

    def __init__(self, client: Client, findings: Findings, bar: Bar, *, dry: bool) -> None:
        self._client = client
        self._findings = findings
        self._bar = bar
        self._dry = dry
        self._writer = Writer(client, self._refused)
        self._snapshots = SnapshotDelivery(client, findings, bar, dry=dry)
        self._group: List[RunRecord] = []
        self._taken: Set[str] = set()
        self._waiting: Dict[str, List[RunRecord]] = {}
        self._without: Set[str] = set()

    def take(self, record: RunRecord) -> None:
        """Write a run, soon; one whose parent has not come yet waits for it."""
        parent = record.parent_run_id
        if parent and parent not in self._taken:
            self._waiting.setdefault(parent, []).append(record)
        else:
            self._take(record)

    def _take(self, record: RunRecord) -> None:
        """Write a run whose parent is here, and those that waited for it."""
        pending = [record]
        while pending:
            each = pending.pop(0)
            if each.run_id in self._taken:
                self._findings.problem(f"run {each.run_id}", "is there twice; the first one comes")
                continue
            self._taken.add(each.run_id)
            self._group.append(each)
            pending += self._waiting.pop(each.run_id, [])
            if len(self._group) >= _GROUP:
                self.flush()

    def finish(self) -> None:
        """Write the rest: runs whose parent does not come are below it where it is here, else of their own."""
        while self._waiting:
            children = {each.run_id for waiting in self._waiting.values() for each in waiting}
            parent = next((each for each in self._waiting if each not in children), next(iter(self._waiting)))
            is_here = bool(known_runs(self._client, [parent]))
            for each in self._waiting.pop(parent):
                if not is_here:
                    self._findings.problem(
                        f"run {each.run_id}", f"its parent {parent} does not come; the tag {PARENT} names it"
                    )
                    each.parent_run_id = None
                    each.tags = {**each.tags, PARENT: parent}
                self._take(each)
        self.flush()

    def flush(self) -> None:
        """Write the runs that were taken so far. Raises ``Unavailable`` where the server does not come back."""
        group, self._group = self._group, []
        here = known_runs(self._client, [each.run_id for each in group])
        prepared = [self._prepare(each, here.get(each.run_id)) for each in group]
        sent = SentFiles()
        if not self._dry:
            sent = self._send(prepared)
        for each in prepared:
            self._put(each, sent)
        if not self._dry:
            self._writer.flush(_PATIENCE_SECONDS)
            told = [each.about for each in group if each.about and each.run_id not in self._without]
            self._tell(told)
        self._bar.add_runs(len(group))

    def _prepare(self, record: RunRecord, here: Run | None) -> _Prepared:
        findings, is_new = self._findings, here is None
        findings.runs.add(new=is_new)
        if record.parent_run_id:
            findings.nested_runs.add(new=is_new)
        if record.about and record.about.deleted:
            findings.deleted_runs.add(new=is_new)
        files = record.folder.files(f"run {record.run_id}", findings)
        known = artifacts_of(self._client, record.run_id) if here and files else {}
        for file in files:
            findings.files.add(new=file.path not in known)
            findings.bytes.add(new=file.path not in known, by=file.size)
        return _Prepared(record, here, files, known)

    def _send(self, prepared: List[_Prepared]) -> SentFiles:
        """Send the bytes of all files of a group at once, under paths that begin with their run."""
        files = [file._replace(path=f"{each.record.run_id}/{file.path}") for each in prepared for file in each.files]
        sent = send_files(self._client, files, tell=self._bar.add_bytes)
        for path, problem in sent.problems.items():
            run_id, _, name = path.partition("/")
            self._findings.problem(f"run {run_id}", f"the file {name!r} {problem}")
        return sent

    def _put(self, prepared: _Prepared, sent: SentFiles) -> None:
        record, here = prepared.record, prepared.here
        snapshot_id = here.snapshot_id if here else None
        if record.snapshot is not None:
            snapshot_id = self._snapshots.take(record.snapshot, record.run_id, here=snapshot_id)
        if not self._dry:
            if here is None:
                self._begin(record, snapshot_id)
            else:
                self._complete(record, here, snapshot_id)
        self._put_points(record, here)
        for file in prepared.files:
            self._put_file(prepared, file, sent)
        ends = record.state.terminal and (here is None or not here.state.terminal)
        if ends and not self._dry:
            time = record.started_at if record.ended_at is None else record.ended_at
            self._writer.put(StateChange(record.run_id, record.state, time, error=record.error, reopens=True))

    def _begin(self, record: RunRecord, snapshot_id: str | None) -> None:
        self._writer.put(
            NewRun(
                record.run_id, record.experiment_name, record.started_at, record.parent_run_id, record.type,
                record.display_name, record.description, record.tags, record.properties, snapshot_id,
                RunState.RUNNING if record.state.terminal else record.state, record.parameters,
            )
        )  # fmt: skip
        if record.warnings:
            self._writer.put(RunChange(record.run_id, warnings=record.warnings))

    def _complete(self, record: RunRecord, here: Run, snapshot_id: str | None) -> None:
        """Add what the run here lacks; what was changed here stays."""
        for key, value in record.parameters.items():
            if here.parameters.get(key, value) != value:
                self._findings.problem(f"run {record.run_id}", f"the parameter {key!r} has another value here")
        change = RunChange(
            record.run_id,
            set_tags={key: value for key, value in record.tags.items() if key not in here.tags},
            add_properties={key: value for key, value in record.properties.items() if key not in here.properties},
            add_parameters={key: value for key, value in record.parameters.items() if key not in here.parameters},
            snapshot_id=None if snapshot_id == here.snapshot_id else snapshot_id,
            warnings=[each for each in record.warnings if each not in here.warnings],
        )
        if change != RunChange(record.run_id):
            self._writer.put(change)

    def _put_points(self, record: RunRecord, here: Run | None) -> None:
        for name, group in groupby(record.points(), key=lambda point: point.name):
            if here is None:
                for each in group:
                    self._findings.metric_values.add(new=True)
                    if not self._dry:
                        self._writer.put(each)
                continue
            points = list(group)
            missing = list(missing_points(self._client, here, name, points, by_place=record.points_by_place))
            self._findings.metric_values.found += len(points)
            self._findings.metric_values.new += len(missing)
            for each in missing if not self._dry else []:
                self._writer.put(each)

    def _put_file(self, prepared: _Prepared, file: SourceFile, sent: SentFiles) -> None:
        run_id = prepared.record.run_id
        there = prepared.known.get(file.path)
        if self._dry:
            if there and there.size != file.size:
                self._findings.problem(f"run {run_id}", f"the file {file.path!r} differs here, and stays as it is")
            return
        path = f"{run_id}/{file.path}"
        digest = sent.digests.get(path)
        if digest is None:
            return
        if there is None:
            time = file.mtime_ns // 1000
            self._writer.put(NewArtifact(run_id, file.path, digest, sent.files[path].size, time))
        elif there.digest != digest:
            self._findings.problem(f"run {run_id}", f"the file {file.path!r} differs here, and stays as it is")

    def _tell(self, told: List[ImportedRun]) -> None:
        if not told:
            return
        answer = self._client.post(ImportAnswer, "/imports", ImportBatch(runs=told))
        for refusal in answer.refusals:
            self._findings.problem(f"run {refusal.run_id}", refusal.message)

    def _refused(self, kind: str, run_id: str, error: TerrazulError) -> None:
        """A record was refused; all that follow a run which could not be made are told of by that."""
        if run_id in self._without:
            return
        if kind == _RUNS:
            self._without.add(run_id)
        self._findings.problem(f"run {run_id}", error.message)
