"""Columns of tables whose values name files: the pictures of a labelled table, for example."""

from __future__ import annotations

import posixpath
import re
from typing import Dict, List, Sequence, Tuple

from terrazul.core.errors import DataNotFound, DatasetExecutionError
from terrazul.data.files import DatasetFile
from terrazul.sdk.dataset.reach import Reach
from terrazul.wire.dataset import DataLocation

_FORMS = (
    re.compile(r"AmlDatastore://(?P<datastore>[^/]+)/(?P<path>.+)\Z"),
    re.compile(r"azureml://(?:.+/)?datastores/(?P<datastore>[^/]+)/paths/(?P<path>.+)\Z"),
    re.compile(r"(?P<path>https?://.+)\Z"),
)
_NAMED = 80


def files_named(values: Sequence[object], column: str, reach: Reach, *, ignore_not_found: bool) -> List[DatasetFile]:
    """The files that the values of a column name, each once, by their paths from the folder on that all lie in.

    Raises ``DatasetExecutionError`` for a value that names none, and ``DataNotFound`` for a file that is not there.
    """
    wanted: Dict[Tuple[str, str], None] = {}
    for value in values:
        if value is not None:
            wanted[_read(value, column)] = None
    known = _known(list(wanted), reach)
    missing = [path for datastore, path in wanted if (datastore, path) not in known]
    if missing and not ignore_not_found:
        message = f"The file {missing[0]!r}, which the column {column!r} names, is not there."
        raise DataNotFound(message, target=missing[0], hint="Pass ignore_not_found=True to go on without it.")
    return [known[place] for place in wanted if place in known]


def _read(value: object, column: str) -> Tuple[str, str]:
    """The datastore (empty for the web) and the path that a value names."""
    for form in _FORMS:
        match = form.match(str(value))
        if match:
            return match.groupdict().get("datastore") or "", match["path"]
    message = f"{str(value)[:_NAMED]!r} in the column {column!r} names no file."
    hint = (
        "A value is like AmlDatastore://datastore/path, azureml://datastores/datastore/paths/path or https://host/path."
    )
    raise DatasetExecutionError(message, target=column, hint=hint)


def _known(wanted: Sequence[Tuple[str, str]], reach: Reach) -> Dict[Tuple[str, str], DatasetFile]:
    """Those that are there. Each datastore is asked once, for the folder in which all of its files lie."""
    found: Dict[Tuple[str, str], DatasetFile] = {}
    several = len({datastore for datastore, _ in wanted}) > 1
    for datastore in dict.fromkeys(datastore for datastore, _ in wanted):
        paths = {path for each, path in wanted if each == datastore}
        common = posixpath.commonpath([posixpath.dirname(path) for path in paths]) if datastore else ""
        places = [DataLocation(common, datastore)] if datastore else [DataLocation(path) for path in sorted(paths)]
        for file in (file for place in places for file in reach.list_files(place) if file.path in paths):
            inner = posixpath.relpath(file.path, common or ".") if datastore else file.path.split("://", 1)[1]
            name = f"{datastore or 'web'}/{inner}" if several else inner
            found[datastore, file.path] = DatasetFile(name, datastore, file)
    return found
