"""Conditions and other expressions over the columns of a row, as plain data; and what they are for one row."""

from __future__ import annotations

import operator
from datetime import datetime
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Optional, Tuple, Union

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import DatasetExecutionError, InvalidInput
from terrazul.data.plan import check

METADATA = ("Size", "LastModifiedTime", "CreationTime", "Extension", "CanSeek")
_DEEPEST = 60
_MOST_CHOICES = 10_000
_LARGEST = 1 << 64


@dataclass(frozen=True)
class Column:
    """The value of a column."""

    name: str


@dataclass(frozen=True)
class Metadata:
    """What the platform knows of a file: v1's names for it."""

    name: str


@dataclass(frozen=True)
class Literal:
    """A value that is the same for all rows; a time, or a list of choices, too."""

    value: Any


@dataclass(frozen=True)
class Call:
    """A function of other expressions."""

    function: str
    of: Tuple[Node, ...]


Node = Union[Column, Metadata, Literal, Call]


def _divide(left: Any, right: Any) -> Any:
    return left / right if right else None


def _divide_floor(left: Any, right: Any) -> Any:
    return left // right if right else None


def _remainder(left: Any, right: Any) -> Any:
    return left % right if right else None


FUNCTIONS: Dict[str, Tuple[int, Callable[..., Any]]] = {
    "eq": (2, operator.eq),
    "ne": (2, operator.ne),
    "gt": (2, operator.gt),
    "ge": (2, operator.ge),
    "lt": (2, operator.lt),
    "le": (2, operator.le),
    "not": (1, operator.not_),
    "add": (2, operator.add),
    "sub": (2, operator.sub),
    "mul": (2, operator.mul),
    "div": (2, _divide),
    "floordiv": (2, _divide_floor),
    "mod": (2, _remainder),
    "neg": (1, operator.neg),
    "starts_with": (2, str.startswith),
    "ends_with": (2, str.endswith),
    "contains": (2, operator.contains),
    "lower": (1, str.lower),
    "upper": (1, str.upper),
    "trim": (1, str.strip),
    "length": (1, len),
    "is_in": (2, lambda value, choices: value in choices),
    "and": (2, operator.and_),
    "or": (2, operator.or_),
    "is_null": (1, operator.not_),
    "is_not_null": (1, operator.not_),
}
"""How many arguments each takes, and what it is where none of them is missing; the last four look at missing ones."""


def to_plain(node: Node) -> Dict[str, Any]:
    """As JSON has it."""
    if isinstance(node, Column):
        return {"column": node.name}
    if isinstance(node, Metadata):
        return {"metadata": node.name}
    if isinstance(node, Call):
        return {"call": node.function, "of": [to_plain(each) for each in node.of]}
    if isinstance(node.value, datetime):
        return {"time": node.value.isoformat()}
    if isinstance(node.value, tuple):
        return {"choices": [to_plain(Literal(each)) for each in node.value]}
    return {"value": node.value}


def from_plain(plain: Any, depth: int = 0) -> Node:
    """Read what ``to_plain`` wrote. Raises ``InvalidInput``."""
    given = check.mapping("An expression", plain)
    if depth > _DEEPEST:
        message = f"The expression is more than {_DEEPEST} levels deep."
        raise InvalidInput(message, target="expression")
    keys = set(given)
    if keys == {"column"}:
        return Column(check.text("column", given["column"]))
    if keys == {"metadata"}:
        return Metadata(check.one_of("metadata", given["metadata"], METADATA))
    if keys == {"call", "of"}:
        return _call(given["call"], given["of"], depth)
    if keys == {"time"}:
        return Literal(_time(given["time"]))
    if keys == {"choices"}:
        return _choices(given["choices"])
    if keys == {"value"}:
        return literal(given["value"])
    message = f"An expression has no keys {', '.join(sorted(keys))[:200]}."
    raise InvalidInput(message, target="expression", hint="It has column, value, time, choices, metadata, or call, of.")


def literal(value: Any) -> Literal:
    """A value as an expression. Raises ``InvalidInput`` for one that no column can have."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _LARGEST:
        check.refuse("A value", value, "a number of up to 64 bits")
    if isinstance(value, float) and value - value != 0:
        check.refuse("A value", value, "a finite number")
    if isinstance(value, str):
        check.text("A value", value, empty=True)
    if value is not None and not isinstance(value, (bool, int, float, str, datetime)):
        check.refuse("A value", value, "a text, a number, a time, True or False")
    return Literal(value)


def columns_of(node: Node) -> FrozenSet[str]:
    """The columns that an expression looks at."""
    if isinstance(node, Column):
        return frozenset({node.name})
    if isinstance(node, Call):
        return frozenset().union(*map(columns_of, node.of))
    return frozenset()


def uses_metadata(node: Node) -> bool:
    """Whether an expression looks at what is known of files."""
    if isinstance(node, Call):
        return any(map(uses_metadata, node.of))
    return isinstance(node, Metadata)


def evaluate(node: Node, row: Mapping[str, Any], metadata: Optional[Mapping[str, Any]] = None) -> Any:
    """What an expression is for one row: None where a value that it needs is missing.

    Raises ``DatasetExecutionError`` for a column that is not there, and for values that do not go together.
    """
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, Column):
        if node.name not in row:
            message = f"There is no column {node.name!r}."
            raise DatasetExecutionError(message, target=node.name, hint=f"There are {', '.join(row) or 'none'}.")
        return row[node.name]
    if isinstance(node, Metadata):
        return (metadata or {}).get(node.name)
    values = [evaluate(each, row, metadata) for each in node.of]
    if node.function in _OF_MISSING:
        return _OF_MISSING[node.function](*values)
    if any(value is None for value in values):
        return None
    try:
        return FUNCTIONS[node.function][1](*values)
    except TypeError as error:
        message = f"The condition cannot be applied to {', '.join(map(repr, values))}: {error}."
        raise DatasetExecutionError(message, exception=error) from None


def _and(left: Any, right: Any) -> Any:
    if left is False or right is False:
        return False
    return None if left is None or right is None else bool(left and right)


def _or(left: Any, right: Any) -> Any:
    if left is True or right is True:
        return True
    return None if left is None or right is None else bool(left or right)


_OF_MISSING: Dict[str, Callable[..., Any]] = {
    "and": _and,
    "or": _or,
    "is_null": lambda value: value is None,
    "is_not_null": lambda value: value is not None,
}


def _call(function: Any, arguments: Any, depth: int) -> Call:
    check.one_of("A function", function, FUNCTIONS)
    wanted = FUNCTIONS[function][0]
    if not isinstance(arguments, (list, tuple)) or len(arguments) != wanted:
        check.refuse(f"The list of arguments of {function}", arguments, f"one of {wanted}")
    of = tuple(from_plain(each, depth + 1) for each in arguments)
    if function == "is_in" and not (isinstance(of[1], Literal) and isinstance(of[1].value, tuple)):
        check.refuse("The second argument of is_in", arguments[1], "a list of choices")
    return Call(function, of)


def _choices(given: Any) -> Literal:
    if not isinstance(given, list) or len(given) > _MOST_CHOICES:
        check.refuse("choices", given, f"a list of up to {_MOST_CHOICES} values")
    values: List[Any] = []
    for each in given:
        node = from_plain(each, _DEEPEST)
        if not isinstance(node, Literal) or isinstance(node.value, tuple):
            check.refuse("A choice", each, "a value")
        values.append(node.value)
    return Literal(tuple(values))


def _time(text: Any) -> datetime:
    try:
        return datetime.fromisoformat(check.text("A time", text))
    except ValueError:
        check.refuse("A time", text, "of the form 2026-01-31T12:00:00")
