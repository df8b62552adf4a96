"""Writing logged models and registered models into a workspace, with their ids, numbers and times."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Dict, Iterable, List, Optional
from urllib.parse import quote

from terrazul.core.errors import InvalidInput, NotFound
from terrazul.core.ids import check_model_name
from terrazul.importing.findings import Findings
from terrazul.importing.known_run import known_runs
from terrazul.importing.model_name import ORIGINAL_NAME
from terrazul.importing.progress import Bar
from terrazul.importing.source import LoggedModelRecord, ModelRecord, VersionRecord
from terrazul.sdk.client import Client
from terrazul.sdk.content import SourceFile, send_files
from terrazul.wire.importing import ImportAnswer, ImportBatch, ImportedVersion
from terrazul.wire.mlflow.answer import Json
from terrazul.wire.model import Model, ModelFile

_REGISTERED = "/mlflow/api/2.0/mlflow/registered-models/get"
"""Knows names without versions too."""


class ModelDelivery:
    """Writes models one by one; their runs are here already."""

    def __init__(self, client: Client, findings: Findings, bar: Bar, *, dry: bool) -> None:
        self._client = client
        self._findings = findings
        self._bar = bar
        self._dry = dry

    def deliver_logged_models(self, records: Iterable[LoggedModelRecord]) -> None:
        """Write logged models; what is here already gets what it lacks."""
        for record in records:
            thing = f"logged model {record.about.model_id}"
            is_new = self._read(Json, f"/mlflow/api/2.0/mlflow/logged-models/{quote(record.about.model_id)}") is None
            self._findings.logged_models.add(new=is_new)
            files = record.folder.files(thing, self._findings)
            self._count(files, new=is_new)
            if not self._dry:
                about = replace(record.about, files=self._send(thing, files))
                self._take(ImportBatch(logged_models=[about]), thing)

    def deliver_models(self, records: Iterable[ModelRecord]) -> None:
        """Write registered models with their versions, those whose names cannot be here under the names found for them.

        One for which none was found is told of, and left out.
        """
        for record in map(self._as_named_here, records):
            name = record.about.name
            try:
                check_model_name(name)
            except InvalidInput as error:
                self._findings.problem(f"model {name!r}", f"{error.message} {error.hint or ''}".strip())
                continue
            self._findings.models.add(new=self._read(Json, _REGISTERED, {"name": name}) is None)
            for version in record.versions:
                self._deliver_version(version)
            if not self._dry:
                self._take(ImportBatch(names=[record.about]), f"model {name}")

    def _as_named_here(self, record: ModelRecord) -> ModelRecord:
        about = record.about
        name = self._findings.renamed.get(about.name)
        if name is None:
            return record
        versions = [
            replace(each, about=replace(each.about, model=replace(each.about.model, name=name)))
            for each in record.versions
        ]
        return ModelRecord(replace(about, name=name, tags={**about.tags, ORIGINAL_NAME: about.name}), versions)

    def _deliver_version(self, record: VersionRecord) -> None:
        about = record.about
        model_id = f"{about.model.name}:{about.version}"
        thing = f"model {model_id}"
        here = self._read(Model, f"/models/{quote(model_id)}")
        files = record.folder.files(thing, self._findings, record.top and f"{record.top}/")
        if not files:
            if not record.folder.problem:
                self._findings.problem(thing, "it has no files, and does not come")
            return
        self._findings.model_versions.add(new=here is None)
        self._count(files, new=here is None)
        if not self._dry:
            self._take(ImportBatch(versions=[self._with_files(about, thing, files)]), thing)

    def _with_files(self, about: ImportedVersion, thing: str, files: List[SourceFile]) -> ImportedVersion:
        run_id = about.model.run_id
        if run_id and not known_runs(self._client, [run_id]):
            self._findings.problem(thing, f"the run {run_id} that it comes from is not here; it comes without")
            run_id = None
        new = replace(about.model, files=self._send(thing, files), run_id=run_id, registration_id=uuid.uuid4().hex)
        return replace(about, model=new)

    def _send(self, thing: str, files: List[SourceFile]) -> List[ModelFile]:
        sent = send_files(self._client, files, tell=self._bar.add_bytes)
        for path, problem in sent.problems.items():
            self._findings.problem(thing, f"the file {path!r} {problem}")
        return [ModelFile(path, digest, sent.files[path].size) for path, digest in sorted(sent.digests.items())]

    def _count(self, files: List[SourceFile], *, new: bool) -> None:
        self._findings.files.add(new=new, by=len(files))
        self._findings.bytes.add(new=new, by=sum(file.size for file in files))

    def _take(self, batch: ImportBatch, thing: str) -> None:
        for refusal in self._client.post(ImportAnswer, "/imports", batch).refusals:
            self._findings.problem(thing, refusal.message.replace("\n", " "))

    def _read(self, shape: type[object], path: str, query: Optional[Dict[str, str]] = None) -> Optional[object]:
        try:
            return self._client.get(shape, path, query or {})
        except NotFound:
            return None
