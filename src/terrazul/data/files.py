"""The files behind a dataset: what its locations list, named by their common root, and chosen among by its steps."""

from __future__ import annotations

import posixpath
from dataclasses import field
from datetime import datetime
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import unquote, urlsplit

from terrazul.core.clock import from_text, to_datetime
from terrazul.core.dataclass import dataclass
from terrazul.core.errors import DatasetWithoutData
from terrazul.data.plan import node
from terrazul.data.plan.fraction import fraction
from terrazul.data.plan.operation import Operation
from terrazul.data.plan.partition import Value, read_format
from terrazul.data.plan.plan import Plan, is_web, read
from terrazul.data.plan.rows import Between, Filter, Skip, Take
from terrazul.data.plan.source import partition_format_of
from terrazul.wire.dataset import FILE, DataLocation, DatasetDefinition
from terrazul.wire.datastore import DataFile

ListFiles = Callable[[DataLocation], Iterable[DataFile]]
"""Lists the files of one location, by path."""

_WILD = "*?["


@dataclass(frozen=True)
class DatasetFile:
    """A file behind a dataset."""

    path: str
    """Relative to what all files have in common; no ``/`` before it."""
    datastore: str
    """Empty for a file at a web address, or of this machine."""
    file: DataFile
    """As the datastore lists it; its path is the address, or the path of this machine, where there is no datastore."""
    partition: Mapping[str, Value] = field(default_factory=dict)
    """The values of the columns that the partition format names."""


def files_of(definition: DatasetDefinition, list_files: ListFiles) -> List[DatasetFile]:
    """The files of a dataset, in its order; those of a file dataset after all of its steps.

    Raises ``DatasetWithoutData`` where a location has none, ``DatasetExecutionError`` for a path that is not of the
    partition format.
    """
    return files_of_plan(read(definition), list_files)


def files_of_plan(plan: Plan, list_files: ListFiles) -> List[DatasetFile]:
    """As ``files_of``, of a plan that was read."""
    listed = [(location, list(list_files(location))) for location in plan.locations]
    for location, there in listed:
        if not there:
            raise _nothing_at(location)
    names = _Names(listed)
    written = partition_format_of(plan.source)
    wanted = read_format(written) if written else None
    found: Dict[Any, DatasetFile] = {}
    for location, there in listed:
        for file in there:
            partition = wanted.values_of(file.path) if wanted else {}
            each = DatasetFile(names.of(location, file.path), location.datastore, file, partition)
            found.setdefault((each.datastore, file.path), each)
    files = list(found.values())
    if plan.type != FILE:
        return files
    for step in plan.steps:
        files = _apply(step, files)
    return files


def relevant(plan: Plan, files: Sequence[DatasetFile]) -> List[DatasetFile]:
    """Those of the files of a table of which a row can be left by the conditions on partitions that come first."""
    keys = set(plan.partition_keys)
    kept = list(files)
    for step in plan.steps:
        if isinstance(step, (Take, Skip, Between)):
            break
        if isinstance(step, Filter):
            for condition in _conjuncts(step.condition):
                if keys and node.columns_of(condition) and node.columns_of(condition) <= keys:
                    kept = [each for each in kept if node.evaluate(condition, each.partition) is True]
    return kept


def metadata_of(file: DataFile) -> Dict[str, Any]:
    """What v1's ``file_metadata`` knows of a file."""
    changed = _time_of(file.modified_at)
    return {
        "Size": file.size,
        "LastModifiedTime": changed,
        "CreationTime": changed,
        "Extension": posixpath.splitext(file.path)[1],
        "CanSeek": True,
    }


def _conjuncts(condition: node.Node) -> List[node.Node]:
    if isinstance(condition, node.Call) and condition.function == "and":
        return [each for part in condition.of for each in _conjuncts(part)]
    return [condition]


def _apply(step: Operation, files: List[DatasetFile]) -> List[DatasetFile]:
    if isinstance(step, Take):
        return files[: step.count]
    if isinstance(step, Skip):
        return files[step.count :]
    if isinstance(step, Between):
        return [each for place, each in enumerate(files) if step.lower <= fraction(step.seed, place) < step.upper]
    if isinstance(step, Filter):
        return [each for each in files if node.evaluate(step.condition, each.partition, metadata_of(each.file)) is True]
    message = f"{step.name} is no step of files"
    raise TypeError(message)


def _time_of(text: str) -> Any:
    """A time of the wire without a zone, in UTC, as v1's users write it in conditions."""
    moment = to_datetime(from_text(text)) if text else None
    return None if moment is None else datetime.combine(moment.date(), moment.time())


def _nothing_at(location: DataLocation) -> DatasetWithoutData:
    where = f"the datastore {location.datastore!r}" if location.datastore else "this machine"
    if is_web(location):
        where = "the web"
    message = f"There is no file {location.path!r} on {where}."
    hint = "Look for it with `terrazul datastore browse`; '**' in a path means all folders below."
    return DatasetWithoutData(message, target=location.path, hint=hint)


class _Names:
    """Names files by what follows on all that they have in common."""

    def __init__(self, listed: Sequence[Tuple[DataLocation, List[DataFile]]]) -> None:
        self._stores = {location.datastore for location, _files in listed}
        roots = {_root_of(location, files) for location, files in listed}
        self._root = _common(roots) if len(self._stores) == 1 else ""

    def of(self, location: DataLocation, path: str) -> str:
        plain = _plain_path(location, path)
        if len(self._stores) > 1:
            return posixpath.join(location.datastore or "web", plain.lstrip("/"))
        root = self._root.rstrip("/") + "/"
        return plain[len(root) :] if plain.startswith(root) else plain.lstrip("/")


def _common(roots: Iterable[str]) -> str:
    parts: Optional[List[str]] = None
    for root in roots:
        own = root.split("/")
        if parts is None:
            parts = own
        length = next((place for place, pair in enumerate(zip(parts, own)) if pair[0] != pair[1]), None)
        parts = parts[: min(len(parts), len(own)) if length is None else length]
    return "/".join(parts or [])


def _root_of(location: DataLocation, files: List[DataFile]) -> str:
    """The folder that all files of a location lie below, as far as its path tells."""
    path = _plain_path(location, location.path)
    parts = path.split("/")
    for place, part in enumerate(parts):
        if any(sign in part for sign in _WILD):
            return "/".join(parts[:place])
    is_file = [_plain_path(location, each.path) for each in files] == [path]
    return posixpath.dirname(path) if is_file else path.rstrip("/")


def _plain_path(location: DataLocation, path: str) -> str:
    """A path without what is before it: a web address becomes host and path."""
    if is_web(location):
        address = urlsplit(path)
        return f"{address.netloc}{unquote(address.path)}"
    return path.replace("\\", "/").lstrip("/") if location.datastore else path.replace("\\", "/")
