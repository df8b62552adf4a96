"""Partition formats: columns whose values stand in the paths of files."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Dict, List, NamedTuple, Tuple, Union

from terrazul.core.errors import DatasetExecutionError, InvalidInput

Value = Union[str, datetime]

_PLACE = re.compile(r"\{(?P<name>[^{}:]+)(?::(?P<format>[^{}]+))?\}")
_PARTS = {"yyyy": ("year", 4), "MM": ("month", 2), "dd": ("day", 2), "HH": ("hour", 2), "mm": ("minute", 2),
          "ss": ("second", 2)}  # fmt: skip
_PART = re.compile("|".join(_PARTS))
_FIRST = {"month": 1, "day": 1}


class PartitionFormat(NamedTuple):
    """A format such as ``/{department}/{day:yyyy/MM/dd}/data.csv``."""

    text: str
    columns: Tuple[str, ...]
    times: Tuple[str, ...]
    """Those of the columns that are times."""
    pattern: re.Pattern[str]
    groups: Tuple[Tuple[str, str], ...]
    """For each group of the pattern its column, and the part of a time that it is, if it is one."""

    def values_of(self, path: str) -> Dict[str, Value]:
        """What a path says. Raises ``DatasetExecutionError`` for a path of another form."""
        match = self.pattern.search("/" + path.lstrip("/"))
        if match is None:
            message = f"The path {path!r} is not of the form {self.text!r}, which partition_format asks for."
            hint = "The format has to go on to the end of the path."
            raise DatasetExecutionError(message, target=path, hint=hint)
        values: Dict[str, Value] = {}
        parts: Dict[str, Dict[str, int]] = {}
        for (column, part), found in zip(self.groups, match.groups()):
            if part:
                parts.setdefault(column, {})[part] = int(found)
            elif values.setdefault(column, found) != found:
                message = f"The path {path!r} has two values for {column!r}: {values[column]!r} and {found!r}."
                raise DatasetExecutionError(message, target=path)
        for column, told in parts.items():
            values[column] = _time_of(path, told)
        return {column: values[column] for column in self.columns}


@lru_cache(maxsize=64)
def read_format(text: str) -> PartitionFormat:
    """The format that a text stands for. Raises ``InvalidInput``."""
    columns: Dict[str, bool] = {}
    groups: List[Tuple[str, str]] = []
    pattern, last = "", 0
    for place in _PLACE.finditer(text):
        pattern += _literal(text[last : place.start()])
        last = place.end()
        name, written = place["name"].strip(), place["format"]
        if columns.setdefault(name, written is not None) != (written is not None):
            message = f"{name!r} is a time in one place of the partition format, and a text in another."
            raise InvalidInput(message, target="partition_format")
        if written is None:
            pattern += "([^/]+)"
            groups.append((name, ""))
        else:
            found, parts = _time_pattern(text, written)
            pattern += found
            groups += [(name, part) for part in parts]
    if not columns or "{" in _PLACE.sub("", text) or "}" in _PLACE.sub("", text):
        message = f"{text[:200]!r} is no partition format."
        hint = "Write columns as {name}, and times as {name:yyyy/MM/dd}; the format goes on to the end of the path."
        raise InvalidInput(message, target="partition_format", hint=hint)
    compiled = re.compile(pattern + _literal(text[last:]) + r"\Z", re.DOTALL)
    times = tuple(name for name, is_time in columns.items() if is_time)
    return PartitionFormat(text, tuple(columns), times, compiled, tuple(groups))


def _literal(text: str) -> str:
    parts = re.split(r"(\*\*|\*)", text)
    return "".join({"**": ".*", "*": "[^/]*"}.get(part, re.escape(part)) for part in parts)


def _time_pattern(text: str, written: str) -> Tuple[str, List[str]]:
    pattern, last, parts = "", 0, []
    for part in _PART.finditer(written):
        name, digits = _PARTS[part[0]]
        pattern += re.escape(written[last : part.start()]) + rf"([0-9]{{{digits}}})"
        last = part.end()
        parts.append(name)
    rest = written[last:]
    if not parts or any(each.isalpha() for each in _PART.sub("", written)):
        message = f"{written!r} in the partition format {text[:200]!r} is no time."
        raise InvalidInput(message, target="partition_format", hint="Use yyyy, MM, dd, HH, mm and ss.")
    return pattern + re.escape(rest), parts


def _time_of(path: str, parts: Dict[str, int]) -> datetime:
    if "year" not in parts:
        message = "A time in a partition format needs a year."
        raise InvalidInput(message, target="partition_format", hint="Write it with yyyy.")
    try:
        return datetime(**{**_FIRST, **parts})  # type: ignore[arg-type]  # noqa: DTZ001  # parts are ints; times of paths have no zone, as v1's
    except ValueError as error:
        message = f"The path {path!r} names no time: {error}."
        raise DatasetExecutionError(message, target=path) from None
