"""Conditions over columns, written as Python expressions: ``(ds["a"] > 3) & ds["b"].starts_with("x")``."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Iterable, NoReturn

from terrazul.core.errors import InvalidInput
from terrazul.data.plan import check, node


class ColumnExpression:
    """A column, or what is made of columns; nothing is read until a dataset that it filters is.

    A value that is missing makes every comparison with it neither true nor false, so that its row is left out;
    ``== None`` asks whether it is missing.
    """

    __hash__ = None  # type: ignore[assignment]  # `==` makes an expression

    def __init__(self, of: node.Node) -> None:
        self.node = of

    def __eq__(self, other: object) -> ColumnExpression:  # type: ignore[override]  # it is a condition, not an answer
        return self.is_null() if other is None else self._with("eq", other)

    def __ne__(self, other: object) -> ColumnExpression:  # type: ignore[override]  # as above
        return self.is_not_null() if other is None else self._with("ne", other)

    def __gt__(self, other: Any) -> ColumnExpression:
        return self._with("gt", other)

    def __ge__(self, other: Any) -> ColumnExpression:
        return self._with("ge", other)

    def __lt__(self, other: Any) -> ColumnExpression:
        return self._with("lt", other)

    def __le__(self, other: Any) -> ColumnExpression:
        return self._with("le", other)

    def __and__(self, other: Any) -> ColumnExpression:
        return self._with("and", other)

    def __rand__(self, other: Any) -> ColumnExpression:
        return self._before("and", other)

    def __or__(self, other: Any) -> ColumnExpression:
        return self._with("or", other)

    def __ror__(self, other: Any) -> ColumnExpression:
        return self._before("or", other)

    def __invert__(self) -> ColumnExpression:
        return self._call("not")

    def __add__(self, other: Any) -> ColumnExpression:
        return self._with("add", other)

    def __radd__(self, other: Any) -> ColumnExpression:
        return self._before("add", other)

    def __sub__(self, other: Any) -> ColumnExpression:
        return self._with("sub", other)

    def __rsub__(self, other: Any) -> ColumnExpression:
        return self._before("sub", other)

    def __mul__(self, other: Any) -> ColumnExpression:
        return self._with("mul", other)

    def __rmul__(self, other: Any) -> ColumnExpression:
        return self._before("mul", other)

    def __truediv__(self, other: Any) -> ColumnExpression:
        return self._with("div", other)

    def __floordiv__(self, other: Any) -> ColumnExpression:
        return self._with("floordiv", other)

    def __mod__(self, other: Any) -> ColumnExpression:
        return self._with("mod", other)

    def __neg__(self) -> ColumnExpression:
        return self._call("neg")

    def is_null(self) -> ColumnExpression:
        """Whether the value is missing."""
        return self._call("is_null")

    def is_not_null(self) -> ColumnExpression:
        """Whether there is a value."""
        return self._call("is_not_null")

    def is_in(self, choices: Iterable[Any]) -> ColumnExpression:
        """Whether the value is one of some."""
        if isinstance(choices, str):
            check.refuse("choices", choices, "a list of values")
        values = tuple(node.literal(_plain(each)).value for each in choices)
        return ColumnExpression(node.Call("is_in", (self.node, node.Literal(values))))

    def starts_with(self, prefix: Any) -> ColumnExpression:
        """Whether a text begins so."""
        return self._with("starts_with", prefix)

    def ends_with(self, suffix: Any) -> ColumnExpression:
        """Whether a text ends so."""
        return self._with("ends_with", suffix)

    def contains(self, part: Any) -> ColumnExpression:
        """Whether this stands in a text."""
        return self._with("contains", part)

    startswith, endswith = starts_with, ends_with

    def length(self) -> ColumnExpression:
        """The number of characters of a text."""
        return self._call("length")

    def to_lower(self) -> ColumnExpression:
        """A text in small letters."""
        return self._call("lower")

    def to_upper(self) -> ColumnExpression:
        """A text in capital letters."""
        return self._call("upper")

    def trim(self) -> ColumnExpression:
        """A text without white space at its ends."""
        return self._call("trim")

    def _with(self, function: str, other: Any) -> ColumnExpression:
        return ColumnExpression(node.Call(function, (self.node, _node_of(other))))

    def _before(self, function: str, other: Any) -> ColumnExpression:
        return ColumnExpression(node.Call(function, (_node_of(other), self.node)))

    def _call(self, function: str) -> ColumnExpression:
        return ColumnExpression(node.Call(function, (self.node,)))

    def __bool__(self) -> NoReturn:
        message = "A condition over columns is true or false for each row, not by itself."
        raise InvalidInput(message, hint="Join conditions by &, | and ~ in parentheses, not by and, or and not.")

    def __repr__(self) -> str:
        return f"ColumnExpression({node.to_plain(self.node)})"


def node_of(condition: Any) -> node.Node:
    """The condition that is to be carried out. Raises ``InvalidInput`` for what is none."""
    if not isinstance(condition, ColumnExpression):
        check.refuse("A condition", condition, "an expression such as dataset['column'] > 3")
    return node.from_plain(node.to_plain(condition.node))


def _node_of(value: Any) -> node.Node:
    return value.node if isinstance(value, ColumnExpression) else node.literal(_plain(value))


def _plain(value: Any) -> Any:
    """A value as Python has it: NumPy's numbers, and times in UTC without a zone."""
    if isinstance(value, datetime):
        return utc(value)
    return value.item() if hasattr(value, "item") and not isinstance(value, (str, bytes)) else value


def utc(moment: datetime) -> datetime:
    """A time as columns have them: UTC, without a zone, in microseconds."""
    if moment.tzinfo is not None:
        moment = moment.astimezone(timezone.utc)
    day = datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001  # columns have no zones, as v1's
    return day.replace(hour=moment.hour, minute=moment.minute, second=moment.second, microsecond=moment.microsecond)
