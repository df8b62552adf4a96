"""What a run records, and reading it back: metrics, files, tags and properties."""

from __future__ import annotations

import json
import re
import time
from io import BytesIO
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

from terrazul.core.clock import now, to_datetime
from terrazul.core.errors import InvalidInput
from terrazul.sdk import metric
from terrazul.sdk.metric import MetricValue
from terrazul.sdk.metric_logging import MetricLogging
from terrazul.sdk.run_files import RunFiles, Source
from terrazul.sdk.run_record import RunRecord
from terrazul.sdk.unsupported import tell_not_yet
from terrazul.sdk.writer import FLUSH_SECONDS, Record
from terrazul.wire.metric import MetricHistory, MetricKind, MetricPoint, RunMetrics, from_json_value
from terrazul.wire.run import Run
from terrazul.wire.write import RunChange

_ADDRESS = "aml://artifactId/ExperimentRun/dcid."
_NOT_IN_FILE_NAMES = re.compile(r"[^\w. -]")


class RunRecording(RunRecord, MetricLogging):
    """The calls that record return at once; what they recorded is sent in the background, in order."""

    def get_metrics(
        self,
        name: Optional[str] = None,
        recursive: bool = False,
        run_type: Optional[str] = None,
        populate: bool = False,
    ) -> Dict[str, Any]:
        """The metrics by name; with ``recursive`` those of the run and all below it, by run id and name.

        ``run_type`` leaves out runs of other types. With ``populate`` a document that lies in a file is given itself
        instead of its address.
        """
        self._writer.flush()
        found = self._client.get(List[RunMetrics], self._path + "/metrics", {"name": name, "recursive": recursive})
        if run_type is not None:
            found = [each for each in found if self._client.get(Run, f"/runs/{each.run_id}").type == run_type]
        by_run = {each.run_id: {one.name: self._value(one, populate) for one in each.metrics} for each in found}
        return by_run if recursive else by_run.get(self._id, {})

    def get_metric_history(self, name: str, points: Optional[int] = None) -> List[MetricValue]:
        """Each value of a metric with its step and time, in the order in which they were logged.

        With ``points`` a long series of numbers is thinned to at most so many (4 to 100,000) for drawing: its first and
        last value are among them, and every stretch's lowest and highest. A metric that there is not has no values.
        """
        self._writer.flush()
        asked = {"name": metric.checked_name(name), "points": points}
        found = self._client.get(List[RunMetrics], self._path + "/metrics", asked)
        return [
            MetricValue(step, to_datetime(time), from_json_value(value))
            for each in found
            for history in each.metrics
            for step, time, value in zip(history.steps, history.times, history.values)
        ]

    def get_file_names(self) -> List[str]:
        """The names of the run's files, logs among them."""
        return self._files.names()

    def upload_file(self, name: str, path_or_stream: Source, datastore_name: Optional[str] = None) -> None:
        """Add a file under a name, from a path or an open stream; when this returns, the server has it.

        Raises ``AlreadyExists`` for a name that is taken, ``InvalidInput`` for one that cannot be, and
        ``CapabilityNotAvailable`` for another datastore.
        """
        _refuse_datastore(datastore_name)
        self._files.upload(name, path_or_stream)

    def upload_files(
        self,
        names: Sequence[str],
        paths: Sequence[str],
        return_artifacts: bool = False,
        timeout_seconds: Optional[int] = None,
        datastore_name: Optional[str] = None,
    ) -> Optional[Dict[str, str]]:
        """Add files under names; with ``return_artifacts`` their addresses by name. Raises as ``upload_file``."""
        del timeout_seconds
        _refuse_datastore(datastore_name)
        if len(names) != len(paths):
            message = f"{len(names)} names and {len(paths)} paths are given."
            raise InvalidInput(message, hint="Give a name for each path.")
        self._files.upload_many(dict(zip(names, paths)))
        return {name: self._address_of(name) for name in names} if return_artifacts else None

    def upload_folder(self, name: str, path: str, datastore_name: Optional[str] = None) -> None:
        """Add all files below a folder under a name. Raises as ``upload_file``."""
        _refuse_datastore(datastore_name)
        self._files.upload_folder(name, path)

    def download_file(
        self, name: str, output_file_path: Optional[str] = None, _validate_checksum: bool = False
    ) -> None:
        """Write a file of the run to the disk: to a path, into a folder, or here. Raises ``NotFound``.

        The bytes are always checked against their digest, and the file appears whole or not at all.
        """
        del _validate_checksum
        base_name = name.rpartition("/")[2]
        target = Path(output_file_path or base_name)
        into_folder = target.is_dir() or str(output_file_path or "").endswith(("/", "\\"))
        self._files.download(name, target / base_name if into_folder else target)

    def download_files(
        self,
        prefix: Optional[str] = None,
        output_directory: Optional[str] = None,
        output_paths: Optional[Sequence[str]] = None,
        batch_size: int = 100,
        append_prefix: bool = True,
        timeout_seconds: Optional[int] = None,
    ) -> None:
        """Write all files whose names begin with ``prefix`` below a folder, or to the paths given for each.

        Raises ``InvalidInput`` where the number of paths is another than that of the files.
        """
        del batch_size, timeout_seconds
        if output_paths is None:
            folder = Path(output_directory or ".")
            self._files.download_many(prefix or "", folder, keep_prefix=append_prefix)
            return
        names = [artifact.path for artifact in self._files.list(prefix or "")]
        if len(names) != len(output_paths):
            message = f"{len(output_paths)} paths are given for {len(names)} files."
            raise InvalidInput(message, hint=f"The files are {names}.")
        for name, target in zip(names, output_paths):
            self._files.download(name, Path(output_directory or ".", target))

    def tag(self, key: str, value: Optional[str] = None) -> None:
        """Set a tag, with a value or without."""
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags; those that are there get the new value."""
        self._put(RunChange(self._id, set_tags=texts_of(tags)))

    def remove_tags(self, tags: Sequence[str]) -> None:
        """Remove tags, if they are there."""
        self._put(RunChange(self._id, remove_tags=[str(tag) for tag in tags]))

    def add_properties(self, properties: Mapping[str, Any]) -> None:
        """Add properties; when this returns, the server has them.

        Raises ``AlreadyExists`` for one that is there with another value.
        """
        self._writer.write(RunChange(self._id, add_properties=texts_of(properties)))
        self._known = None

    def flush(self, timeout_seconds: float = FLUSH_SECONDS) -> None:
        """Wait until all that was recorded has reached the server. Raises ``Unavailable`` when the time is over."""
        self._writer.flush(timeout_seconds)

    @property
    def _files(self) -> RunFiles:
        return RunFiles(self._client, self._writer, self._id)

    def _put(self, record: Record) -> None:
        self._writer.put(record)
        self._known = None

    def _record(
        self, kind: MetricKind, name: str, value: Any, description: str = "", step: Optional[int] = None
    ) -> None:
        name = metric.checked_name(name)
        if kind in metric.SCHEMA_KINDS:
            document = json.dumps(metric.document(name, kind, value)).encode("utf-8")
            value = self._keep(f"{name}_{int(time.time())}.json", document)
        else:
            value = metric.checked(kind, name, value)
        if value in ([], {}):
            return
        point = MetricPoint(self._id, name, value, now(), kind, metric.step(name, step), description or "")
        self._writer.put(point)

    def _record_image(self, name: str, path: Optional[str], plot: Any, description: str) -> None:
        name = metric.checked_name(name)
        if (path is None) == (plot is None):
            message = f"The image '{name}' was given {'neither' if path is None else 'both'} a path and a plot."
            raise InvalidInput(message, target=name, hint="Pass path='image.png', or plot=matplotlib.pyplot.")
        if path is not None:
            address = self._keep(Path(path).name, _bytes_of(path))
        else:
            picture = BytesIO()
            plot.savefig(picture, format="png")
            address = self._keep(f"{name}_{int(time.time())}.png", picture.getvalue())
        self._writer.put(MetricPoint(self._id, name, address, now(), MetricKind.IMAGE, None, description or ""))

    def _keep(self, file_name: str, data: bytes) -> str:
        """Add a file that a metric points at; its address."""
        path = _NOT_IN_FILE_NAMES.sub("_", file_name)
        self._files.upload_bytes(path, data)
        return self._address_of(path)

    def _address_of(self, path: str) -> str:
        return f"{_ADDRESS}{self._id}/{path}"

    def _value(self, history: MetricHistory, populate: bool) -> Any:
        if not populate or history.kind not in metric.SCHEMA_KINDS:
            return metric.read_back(history)
        paths = [address[len(self._address_of("")) :] for address in history.values]
        documents = [json.loads(self.read_file(path)) for path in paths]
        return documents[0] if len(documents) == 1 else documents


def texts_of(values: Mapping[str, Any]) -> Dict[str, str]:
    """Tags or properties as they are kept: texts, an empty one for ``None``."""
    return {str(key): "" if value is None else str(value) for key, value in values.items()}


def _bytes_of(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        message = f"The image file '{path}' cannot be read: {error.strerror}."
        raise InvalidInput(message, target=str(path)) from error


def _refuse_datastore(name: Optional[str]) -> None:
    if name is not None:
        tell_not_yet("The argument datastore_name", "datastores as the place of a run's files")
