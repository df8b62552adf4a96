"""Keeps what a model was given and what it predicted as CSV files, one a day, for those who watch over it."""

from __future__ import annotations

import csv
import ctypes
import datetime as dt
import io
import os
import re
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

DATA_VARIABLE = "TERRAZUL_MODEL_DATA"
"""Names the folder of the files; ``modeldata`` in the working directory without it."""
_DESIGNATIONS = ("inputs", "predictions", "labels", "signals", "general")
_FREELY_NAMED = {"signals", "general"}
_FOLLOWING = {"predictions", "labels", "signals"}
"""Designations whose rows lie beside the inputs that they belong to."""
_DAY_MINUTES, _HOUR_MINUTES = 60 * 24, 60
_NO_REQUEST = "00000000-0000-0000-0000-000000000000"
_UNKNOWN = "default"
_UNSAFE = re.compile(r"[^\w.-]")

Row = List[Any]


class CalendarTime(ctypes.Structure):
    """C's ``struct tm``, which v1's module exports; nothing here needs it."""

    _fields_ = [
        (name, ctypes.c_int)
        for name in ("tm_sec", "tm_min", "tm_hour", "tm_mday", "tm_mon", "tm_year", "tm_wday", "tm_yday", "tm_isdst")
    ]


class Place(NamedTuple):
    """Whose data a row is, and of when: together they name its file."""

    workspace: str
    service: str
    model: str
    version: str
    boundary: int
    time: dt.datetime


class ModelDataCollector:
    """Collects what a model was given, or what it made of it, as rows of CSV files.

    It is off unless the variable ``AML_MODEL_DC_STORAGE_ENABLED`` is ``true``, as it is in a web service that was
    deployed with ``collect_model_data``; with ``AML_MODEL_DC_DEBUG`` the rows are printed. A file's place is
    ``<workspace>/<service>/<model>/<version>/<designation>/<year>/<month>/<day>/<name>.csv``; where
    ``AML_MODEL_DC_BOUNDARY`` is ``hour``, the hour is a further level. What goes wrong in it is told in the log, and
    does not reach the script.

    Args:
        model_name: the model's name.
        designation: ``inputs``, ``predictions``, ``labels``, ``signals`` or ``general`` (which ``default`` means).
        feature_names: the columns; a data frame brings its own.
        workspace: ``<subscription>/<resource group>/<name>``; inside a web service it is known.
        webservice_name: inside a web service it is known.
        model_version: inside a web service it is known.
        collection_name: the file's name, for ``signals`` and ``general``; others are named for their designation.
    """

    AML_DC_CORRELATION_HEADER = "$aml_dc_correlation_id"
    AML_DC_SCORING_TIMESTAMP_HEADER = "$aml_dc_scoring_timestamp"
    AML_DC_BOUNDARY_HEADER = "$aml_dc_boundary"
    AML_WORKSPACE_HEADER = "$aml_workspace"
    AML_SERVICE_NAME_HEADER = "$aml_service_name"
    AML_MODEL_NAME_HEADER = "$aml_model_name"
    AML_MODEL_VERSION_HEADER = "$aml_model_version"
    AML_REQUEST_ID_HEADER = "$aml_request_id"

    dllpath: Optional[str] = None
    libmodeldatacollector: Optional[str] = None
    """v1 loads a library; there is none here."""

    def __init__(
        self,
        model_name: str,
        designation: str = "default",
        feature_names: Optional[Sequence[str]] = None,
        workspace: str = "default/default/default",
        webservice_name: str = "default",
        model_version: str = "default",
        collection_name: str = "default",
    ) -> None:
        variables = os.environ
        self._stores = variables.get("AML_MODEL_DC_STORAGE_ENABLED", "").lower() == "true"
        self._prints = variables.get("AML_MODEL_DC_DEBUG", "").lower() == "true"
        self._designation = "general" if designation == "default" else designation
        self._feature_names = None if feature_names is None else [str(name) for name in feature_names]
        self._correlated = designation == "inputs"
        self.model_name = model_name
        self.model_version = model_version if model_version != _UNKNOWN else _version_of(model_name, variables)
        self.workspace = (workspace if workspace != "default/default/default" else _workspace_of(variables)).lower()
        self.workspace_name = self.workspace.rpartition("/")[2]
        self.service_name = (
            webservice_name if webservice_name != _UNKNOWN else variables.get("SERVICE_NAME") or _UNKNOWN
        )
        self.model_internal_id = ""
        self.workspace_internal_id = variables.get("AZUREML_WORKSPACE_ID", "")
        self.service_internal_id = variables.get("SERVICE_ID", "")
        self.compute_name = variables.get("COMPUTE_NAME", "")
        self.compute_type = variables.get("COMPUTE_TYPE", "")
        self.compute_location = variables.get("COMPUTE_LOCATION", "")
        self.aml_dc_hour_boundary = variables.get("AML_MODEL_DC_BOUNDARY", "").lower() == "hour"
        self.model_config_map: Optional[Dict[str, Any]] = None
        self.data_collector_storage_path = variables.get(DATA_VARIABLE) or "modeldata"
        self.filename = f"{collection_name if self._designation in _FREELY_NAMED else self._designation}.csv"
        self.headersUpdated = False
        self._tell_state(designation)

    def collect(self, input_data: Any, user_correlation_id: str = "") -> Optional[Dict[str, Any]]:
        """Keep rows: a list is one row (a list of lists several), an array or a data frame has as many as it has.

        Returns, for ``inputs``, what ties other data to these rows: give it to ``add_correlations``.
        """
        if not (self._stores or self._prints):
            return None
        correlations = None
        try:
            if self._designation == "inputs":
                correlations = self._correlations(user_correlation_id)
                input_data = self.add_correlations(input_data, correlations)
            names, rows = self._table_of(input_data)
            if self._prints:
                print(_csv([names] if names else [], rows))  # noqa: T201  # printing is what was asked for
            if self._stores:
                self._store(names, rows)
        except Exception as problem:  # noqa: BLE001  # collecting must never fail a prediction
            sys.stderr.write(f"collecting model data failed: {type(problem).__name__}: {problem}\n")
        return correlations

    def add_correlations(self, input_data: Any, correlations: Optional[Mapping[str, Any]]) -> Any:
        """The data with columns that tie it to the inputs; data without correlations is given back as it is."""
        if correlations is None:
            return input_data
        self._correlated = True
        values = [correlations[name] for name in self._correlation_names()]
        if hasattr(input_data, "toPandas"):
            input_data = input_data.toPandas()
        if hasattr(input_data, "columns"):
            return input_data.assign(**dict(zip(self._correlation_names(), values)))
        if hasattr(input_data, "ndim"):
            return _array_with(input_data, values)
        if isinstance(input_data, list):
            return [[*row, *values] for row in input_data] if _is_table(input_data) else [*input_data, *values]
        sys.stderr.write(f"model data of the type {type(input_data).__name__} cannot be collected\n")
        return input_data

    def _tell_state(self, designation: str) -> None:
        if self._designation not in _DESIGNATIONS:
            self._stores = self._prints = False
            names = ", ".join(repr(name) for name in ("default", *_DESIGNATIONS))
            print(f"Incorrect designation value {designation!r}. Supported values: {names}")  # noqa: T201  # as v1
        elif self._prints:
            print("Data collection is in debug mode: what is collected is printed.")  # noqa: T201  # as v1
        elif not self._stores:
            print(  # noqa: T201  # as v1
                "Data collection is not enabled. Deploy with collect_model_data=True, or set "
                "AML_MODEL_DC_STORAGE_ENABLED to 'true', to enable it."
            )

    def _correlations(self, own: str) -> Dict[str, Any]:
        made = str(uuid.uuid4())
        return {
            self.AML_DC_CORRELATION_HEADER: f"{own}-{made}" if own else made,
            self.AML_DC_SCORING_TIMESTAMP_HEADER: _now().isoformat(),
            self.AML_DC_BOUNDARY_HEADER: _HOUR_MINUTES if self.aml_dc_hour_boundary else _DAY_MINUTES,
            self.AML_WORKSPACE_HEADER: self.workspace,
            self.AML_SERVICE_NAME_HEADER: self.service_name,
            self.AML_MODEL_NAME_HEADER: self.model_name,
            self.AML_MODEL_VERSION_HEADER: self.model_version,
            self.AML_REQUEST_ID_HEADER: _NO_REQUEST,
        }

    def _correlation_names(self) -> List[str]:
        return [
            self.AML_DC_CORRELATION_HEADER,
            self.AML_DC_SCORING_TIMESTAMP_HEADER,
            self.AML_DC_BOUNDARY_HEADER,
            self.AML_WORKSPACE_HEADER,
            self.AML_SERVICE_NAME_HEADER,
            self.AML_MODEL_NAME_HEADER,
            self.AML_MODEL_VERSION_HEADER,
            self.AML_REQUEST_ID_HEADER,
        ]

    def _table_of(self, data: Any) -> Tuple[List[str], List[Row]]:
        """Names, where there are any, and rows."""
        if hasattr(data, "toPandas"):
            data = data.toPandas()
        if hasattr(data, "columns"):
            return [str(name) for name in data.columns], [list(row) for row in data.itertuples(index=False, name=None)]
        if hasattr(data, "ndim"):
            data = data.tolist() if data.ndim else [data.item()]
        elif not isinstance(data, list):
            message = f"a list, a NumPy array or a data frame is needed, and this is a {type(data).__name__}"
            raise TypeError(message)
        rows = [list(row) for row in data] if _is_table(data) else [data]
        extra = self._correlation_names() if self._correlated else []
        return ([*self._feature_names, *extra] if self._feature_names is not None else []), rows

    def _store(self, names: List[str], rows: List[Row]) -> None:
        groups: Dict[Path, List[Row]] = {}
        for row in rows:
            groups.setdefault(self._file_of(self._place_of(names, row)), []).append(row)
        for file, group in groups.items():
            _append(file, names, group)
        self.headersUpdated = True

    def _place_of(self, names: List[str], row: Row) -> Place:
        """Where a row belongs; one that carries the correlations of its inputs goes beside them."""
        known = dict(zip(names, row)) if self._designation in _FOLLOWING and len(names) == len(row) else {}
        boundary = known.get(self.AML_DC_BOUNDARY_HEADER)
        return Place(
            str(known.get(self.AML_WORKSPACE_HEADER, self.workspace)),
            str(known.get(self.AML_SERVICE_NAME_HEADER, self.service_name)),
            str(known.get(self.AML_MODEL_NAME_HEADER, self.model_name)),
            str(known.get(self.AML_MODEL_VERSION_HEADER, self.model_version)),
            int(boundary) if boundary else _HOUR_MINUTES if self.aml_dc_hour_boundary else _DAY_MINUTES,
            _time_of(known.get(self.AML_DC_SCORING_TIMESTAMP_HEADER)),
        )

    def _file_of(self, place: Place) -> Path:
        levels = [*place.workspace.split("/"), place.service, place.model, place.version, self._designation]
        moment = place.time.strftime("%Y/%m/%d/%H" if place.boundary == _HOUR_MINUTES else "%Y/%m/%d")
        folder = Path(self.data_collector_storage_path, *(_safe(level) for level in levels), *moment.split("/"))
        return folder / _safe(self.filename)


def _append(file: Path, names: List[str], rows: List[Row]) -> None:
    """Add rows in one write, so that those of several processes never mix; a new file begins with its names."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        _begin(file, _csv([names] if names else [], []))
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, _csv([], rows).encode("utf-8", "backslashreplace"))
    finally:
        os.close(descriptor)


def _begin(file: Path, text: str) -> None:
    """Make the file with its first line at once, unless another process was quicker."""
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=".beginning-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
        os.link(temporary, file)
    except FileExistsError:
        return
    finally:
        os.unlink(temporary)  # noqa: PTH108  # its name is a text


def _csv(first: List[List[str]], rows: List[Row]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([*first, *rows])
    return text.getvalue()


def _is_table(data: Sequence[Any]) -> bool:
    return bool(data) and all(isinstance(row, (list, tuple)) for row in data)


def _array_with(array: Any, values: Row) -> Any:
    import numpy as np  # noqa: PLC0415  # who gives an array has it

    rows = array.reshape(1, -1) if array.ndim < 2 else array  # noqa: PLR2004  # rows and columns
    columns = np.repeat(np.array([values], dtype=object), rows.shape[0], axis=0)
    return np.append(rows.astype(object), columns, axis=1)


def _safe(name: str) -> str:
    """A name as one level of a path, whatever it holds."""
    plain = _UNSAFE.sub("_", name)
    return "_" if plain.strip(".") == "" else plain


def _workspace_of(variables: Mapping[str, str]) -> str:
    levels = ("AZUREML_ARM_SUBSCRIPTION", "AZUREML_ARM_RESOURCEGROUP")
    name = variables.get("AZUREML_ARM_WORKSPACE_NAME") or variables.get("WORKSPACE_NAME")
    return "/".join([*(variables.get(level) or _UNKNOWN for level in levels), name or _UNKNOWN])


def _version_of(model: str, variables: Mapping[str, str]) -> str:
    """The version of a deployed model, from where its files lie: ``azureml-models/<name>/<version>``."""
    folder = Path(variables.get("AZUREML_MODEL_DIR", ""))
    if folder.parent.name == model and folder.parent.parent.name == "azureml-models":
        return folder.name
    versions = Path(folder, model)
    if folder.name == "azureml-models" and versions.is_dir():
        numbers = [int(each.name) for each in versions.iterdir() if each.name.isdigit()]
        return str(max(numbers)) if numbers else _UNKNOWN
    return _UNKNOWN


def _time_of(text: object) -> dt.datetime:
    try:
        return dt.datetime.fromisoformat(str(text)) if text else _now()
    except ValueError:
        return _now()


def _now() -> dt.datetime:
    """UTC without a mark of it, as v1 writes it."""
    return dt.datetime.now(dt.timezone.utc).replace(tzinfo=None)
