"""Metrics: what a call of ``run.log…`` may be given, and the shapes in which ``run.get_metrics`` gives it back."""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence

from terrazul.core.errors import InvalidInput
from terrazul.sdk.console import warn
from terrazul.wire.metric import MetricHistory, MetricKind, from_json_value, to_json_value

SCHEMA_KINDS = frozenset(
    [MetricKind.CONFUSION_MATRIX, MetricKind.ACCURACY_TABLE, MetricKind.RESIDUALS, MetricKind.PREDICTIONS]
)
"""The kinds whose value is a document in a file."""
_NAME_LIMIT = 255
_SCHEMA_KEYS = ("schema_type", "schema_version", "data")


class MetricValue(NamedTuple):
    """One value of a metric; without a step where it was logged without one."""

    step: Optional[int]
    time: datetime
    value: Any


def scalar(name: str, value: object) -> Any:
    """A number, truth, text or nothing as it is, and as JSON; anything else as the text of its ``repr``.

    Scalars of NumPy and of array libraries that work alike become Python's: each knows how by its ``item`` method.
    """
    if value is None or isinstance(value, (bool, int, float)):
        return to_json_value(_python_number(value))
    if isinstance(value, str):
        return str(value)
    item: Any = getattr(value, "item", None)
    if _is_scalar_array(value) and item is not None:
        inner = item()
        return scalar(name, inner if type(inner) is not type(value) else float(str(inner)))
    _warn_of_repr(name, type(value).__name__)
    return repr(value)


def sequence(name: str, values: object) -> List[Any]:
    """The elements of a list, a tuple, an array or another iterable, each as ``scalar``. Raises ``InvalidInput``."""
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable) or _is_scalar_array(values):
        message = f"The list metric '{name}' was given {type(values).__name__}."
        raise InvalidInput(message, target=name, hint="Pass a list of values; a single value goes to log().")
    return [_cell(name, value) for value in values]


def step(name: str, number: object) -> Optional[int]:
    """The step of a value; a fraction is cut off. Raises ``InvalidInput`` for what is not a number."""
    try:
        return None if number is None else int(number)  # type: ignore[call-overload]  # tried, not known
    except (TypeError, ValueError, OverflowError) as error:
        message = f"The step of the metric '{name}' is {number!r}."
        raise InvalidInput(message, target=name, hint="Pass a whole number.") from error


def row(name: str, cells: Mapping[str, object]) -> Dict[str, Any]:
    """The cells of one row of a table. Raises ``InvalidInput`` where there are none."""
    if not cells:
        message = f"The row metric '{name}' was given no columns."
        raise InvalidInput(message, target=name, hint="Name them: run.log_row('name', column=value).")
    return {str(column): _cell(name, value) for column, value in cells.items()}


def table(name: str, columns: object) -> Dict[str, List[Any]]:
    """The columns of a table. Raises ``InvalidInput`` for another thing, or columns of unequal lengths."""
    if not isinstance(columns, Mapping):
        message = f"The table metric '{name}' was given {type(columns).__name__}."
        raise InvalidInput(message, target=name, hint="Pass a dictionary from column name to list of values.")
    cells = {str(column): _column(name, values) for column, values in columns.items()}
    lengths = {column: len(values) for column, values in cells.items()}
    if len(set(lengths.values())) > 1:
        message = f"The columns of the table metric '{name}' have different lengths: {lengths}."
        raise InvalidInput(message, target=name, hint="Give every column the same number of values.")
    return cells


def document(name: str, kind: MetricKind, value: object) -> Dict[str, Any]:
    """A document with ``schema_type``, ``schema_version`` and ``data``, given as such or as JSON text.

    Raises ``InvalidInput`` where it is not of that form.
    """
    if isinstance(value, (str, bytes)):
        try:
            value = json.loads(value)
        except ValueError as error:
            message = f"The {kind.value} metric '{name}' was given a text that is not JSON: {error}."
            raise InvalidInput(message, target=name) from error
    if not isinstance(value, dict) or any(key not in value for key in _SCHEMA_KEYS):
        message = f"The {kind.value} metric '{name}' needs a dictionary with {', '.join(_SCHEMA_KEYS)}."
        raise InvalidInput(message, target=name)
    if value["schema_type"] != kind.value:
        message = f"The {kind.value} metric '{name}' was given the schema type {value['schema_type']!r}."
        raise InvalidInput(message, target=name, hint=f"Write '{kind.value}' there.")
    return value


def checked_name(name: object) -> str:
    """The name of a metric as text. Raises ``InvalidInput`` for one that is empty or too long."""
    text = str(name)
    if 0 < len(text) <= _NAME_LIMIT:
        return text
    message = f"The metric name {text[:80]!r} has {len(text)} characters."
    raise InvalidInput(message, target=text[:80], hint=f"Use 1 to {_NAME_LIMIT} characters.")


def checked(kind: MetricKind, name: str, value: Any) -> Any:
    """What a call was given, as it is recorded. Raises ``InvalidInput`` for what the kind does not hold."""
    checks: Dict[MetricKind, Callable[[str, Any], Any]] = {
        MetricKind.LIST: sequence,
        MetricKind.ROW: row,
        MetricKind.TABLE: table,
    }
    check: Callable[[str, Any], Any] = checks.get(kind, scalar)
    return check(name, value)


def read_back(history: MetricHistory) -> Any:
    """The value of a metric in ``get_metrics``, in the shape that v1 gives it.

    What was logged once is itself, more is a list; lists are joined (and one element is itself again); rows and tables
    become columns, with ``None`` where a row lacks one.
    """
    values = [from_json_value(value) for value in history.values]
    return _SHAPES.get(history.kind, _single_or_list)(values)


def _single_or_list(values: List[Any]) -> Any:
    return values[0] if len(values) == 1 else values


def _joined(values: List[Any]) -> Any:
    return _single_or_list([element for value in values for element in value])


def _rows(values: List[Any]) -> Any:
    if len(values) == 1:
        return values[0]
    return {column: [cells.get(column) for cells in values] for column in _names(values)}


def _columns(values: List[Any]) -> Any:
    lengths = [max(map(len, cells.values()), default=0) for cells in values]
    return {
        column: [cell for cells, length in zip(values, lengths) for cell in cells.get(column, [None] * length)]
        for column in _names(values)
    }


_SHAPES: Dict[MetricKind, Callable[[List[Any]], Any]] = {
    MetricKind.LIST: _joined,
    MetricKind.ROW: _rows,
    MetricKind.TABLE: _columns,
}


def _names(values: Sequence[Mapping[str, Any]]) -> List[str]:
    return list(dict.fromkeys(column for cells in values for column in cells))


def _python_number(value: object) -> object:
    """Without the subclass: NumPy's ``float64`` is a ``float``, an enumeration may be an ``int``."""
    if value is None or isinstance(value, bool):
        return value
    return int(value) if isinstance(value, int) else float(value)  # type: ignore[arg-type]  # the caller looked


def _cell(name: str, value: object) -> Any:
    """An element of a list or table, which may itself be a list."""
    if isinstance(value, (list, tuple)) or (hasattr(value, "tolist") and not _is_scalar_array(value)):
        return [_cell(name, inner) for inner in value]  # type: ignore[attr-defined]  # arrays are iterable
    return scalar(name, value)


def _column(name: str, values: object) -> List[Any]:
    if isinstance(values, str) or not isinstance(values, Iterable) or _is_scalar_array(values):
        return [_cell(name, values)]
    return [_cell(name, value) for value in values]


def _is_scalar_array(value: object) -> bool:
    return getattr(value, "shape", None) == ()


@lru_cache(maxsize=1000)
def _warn_of_repr(name: str, type_name: str) -> None:
    warn(f"The metric '{name}' was given {type_name}, which is no number or text; its repr is recorded.")
