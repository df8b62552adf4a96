"""The run of a script that nobody submitted: it prints what it would have recorded."""

from __future__ import annotations

import itertools
from typing import Any, Dict, Iterator, List, Optional

from terrazul.core.ids import new_guid
from terrazul.sdk.client import concept
from terrazul.sdk.console import say
from terrazul.sdk.metric_logging import MetricLogging
from terrazul.wire.metric import MetricKind

ID_PREFIX = "OfflineRun_"


@concept("offline_run")
class _OfflineRun(MetricLogging):
    """What ``Run.get_context()`` gives outside of a submitted run.

    As in v1 it is no ``Run`` and has few of its members; scripts ask ``run.id.startswith("OfflineRun")``.
    """

    DELIM = "."

    def __init__(self, run_id: Optional[str] = None) -> None:
        self._id = run_id or f"{ID_PREFIX}{new_guid()}"
        self._child_numbers: Iterator[int] = itertools.count(1)

    @property
    def id(self) -> str:
        """``OfflineRun_`` and a GUID; a child's after a dot."""
        return self._id

    @property
    def identity(self) -> str:
        """The same as ``id``."""
        return self._id

    def _record(
        self, kind: MetricKind, name: str, value: Any, description: str = "", step: Optional[int] = None
    ) -> None:
        del description, step
        say(f"Attempted to log {kind.value} metric {name}:\n{value}")

    def _record_image(self, name: str, path: Optional[str], plot: Any, description: str) -> None:
        self._record(MetricKind.IMAGE, name, path if path is not None else plot, description)

    def child_run(self, name: Optional[str] = None, run_id: Optional[str] = None, outputs: Any = None) -> _OfflineRun:
        """A further offline run, whose id begins with this one's."""
        del outputs
        return type(self)(run_id or self._id + self.DELIM + (name or str(next(self._child_numbers))))

    def tag(self, key: str, value: Optional[str] = None) -> None:
        """Print the tag."""
        say(f"Attempted to add tag {key} with value {value}")

    def set_tags(self, tags: Dict[str, Any]) -> None:
        """Print the tags."""
        say(f"Attempted to set tags {tags}")

    def add_properties(self, properties: Dict[str, Any]) -> None:
        """Print the properties."""
        say(f"Attempted to add properties {properties}")

    def upload_file(self, name: str, path_or_stream: Any, datastore_name: Optional[str] = None) -> None:
        """Print what would be uploaded."""
        del datastore_name
        say(f"Attempted to track file {name} at {path_or_stream}")

    def upload_files(
        self,
        names: List[str],
        paths: List[str],
        return_artifacts: bool = False,
        timeout_seconds: Optional[int] = None,
        datastore_name: Optional[str] = None,
    ) -> None:
        """Print what would be uploaded."""
        del return_artifacts, timeout_seconds, datastore_name
        say(f"Attempted to track files {names} at {paths}")

    def upload_folder(self, name: str, path: str, datastore_name: Optional[str] = None) -> None:
        """Print what would be uploaded."""
        del datastore_name
        say(f"Attempted to track folder {name} at {path}")

    def flush(self, timeout_seconds: float = 300) -> None:
        """Print that there is nothing to wait for."""
        del timeout_seconds
        say(f"Attempted to flush run with id {self._id}")

    def complete(self, _set_status: bool = True) -> None:
        """Do nothing: nobody waits for the end."""

    def fail(self, error_details: Any = None, error_code: Optional[str] = None, _set_status: bool = True) -> None:
        """Print the error."""
        say(f"Run failed with error code {error_code}:\n{error_details}")

    def cancel(self) -> None:
        """Do nothing: nobody executes this run but yourself."""

    def __enter__(self) -> _OfflineRun:  # noqa: PYI034  # typing.Self is younger than Python 3.8
        say(f"[START] Run {self._id} context")
        return self

    def __exit__(self, *_: object) -> None:
        say(f"[STOP] Run {self._id} context")
