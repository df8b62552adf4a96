"""What the value of an expression in a v1 program is, as far as it can be told without running it."""

from __future__ import annotations

import enum
from functools import lru_cache
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from terrazul.compatibility import known_types, surface


class Shape(enum.Enum):
    """What the value of an expression is, with respect to v1."""

    UNKNOWN = enum.auto()
    OTHER = enum.auto()
    """None of v1's objects."""
    NAME = enum.auto()
    """A module, class or function, v1's or another's, by its dotted name."""
    OBJECT = enum.auto()
    MANY = enum.auto()
    MAPPING = enum.auto()
    ITEMS = enum.auto()
    """Many pairs, the second of each an object."""
    PAIR = enum.auto()
    FIRST = enum.auto()
    """A tuple whose first element is an object."""
    CALLABLE = enum.auto()
    LOCAL = enum.auto()
    """A function or class of the program itself."""


class Value(NamedTuple):
    """The value of an expression: an object of the class at ``name``, a name, or what a call of it gives."""

    shape: Shape
    name: str = ""
    certain: bool = True
    gives: Any = None
    """Of a callable the value of its call; of a function or class of the program its definition."""

    def of_shape(self, shape: Shape) -> Value:
        """The same class in another shape."""
        return Value(shape, self.name, self.certain)


UNKNOWN = Value(Shape.UNKNOWN)
OTHER = Value(Shape.OTHER)
_WRITTEN = {"[": Shape.MANY, "{": Shape.MAPPING, "(": Shape.FIRST}
_ELEMENT = {
    Shape.MANY: Shape.OBJECT,
    Shape.MAPPING: Shape.OBJECT,
    Shape.FIRST: Shape.OBJECT,
    Shape.ITEMS: Shape.PAIR,
}
OF_MAPPING = {"get": Shape.OBJECT, "pop": Shape.OBJECT, "values": Shape.MANY, "items": Shape.ITEMS}
BUILT_IN = {"enumerate": Shape.ITEMS, "next": Shape.OBJECT}
KEEPING_BUILT_IN = {"iter", "list", "reversed", "set", "sorted", "tuple"}


def given(written: Optional[str], *, certain: bool) -> Value:
    """The value that ``known_types`` writes as a text."""
    if written is None:
        return UNKNOWN
    if written == "-":
        return OTHER
    kind = written.lstrip("?")
    shape = _WRITTEN.get(kind[0], Shape.OBJECT)
    return Value(shape, known_types.home_of(kind.strip("[]{}()")), certain and kind == written)


def made_by(home: str) -> Value:
    """The object that calling a class gives."""
    other = known_types.MADE_BY.get(home)
    return given(other, certain=True) if other else Value(Shape.OBJECT, home)


@lru_cache(maxsize=None)
def _heirs() -> Dict[str, List[surface.Class]]:
    """The direct heirs of each class, the most used first."""
    heirs: Dict[str, List[surface.Class]] = {}
    for module in surface.modules():
        for facts in module.classes.values():
            for base in facts.bases:
                heirs.setdefault(base, []).append(facts)
    return {base: sorted(found, key=lambda facts: -facts.uses) for base, found in heirs.items()}


def owner_of(home: str, member: str) -> Optional[surface.Class]:
    """The class that defines the member: the one at ``home``, one it inherits from, else the nearest heir."""
    found = [facts for facts in surface.lineage(home) if member in facts.members]
    waiting = list(_heirs().get(home, ()))
    while waiting and not found:
        heir = waiting.pop(0)
        found = [heir] if member in heir.members else []
        waiting += _heirs().get(heir.home, ())
    return found[0] if found else None


def element_of(value: Value) -> Value:
    """One of what a value holds: of a mapping its value, as ``[...]`` gives it."""
    return value.of_shape(_ELEMENT[value.shape]) if value.shape in _ELEMENT else UNKNOWN


def iterated(value: Value) -> Value:
    """What a loop over a value goes through: of a mapping its keys."""
    return OTHER if value.shape is Shape.MAPPING else element_of(value)


def parts_of(value: Value, count: int) -> List[Value]:
    """What each of several variables gets."""
    one = value.of_shape(Shape.OBJECT)
    if value.shape is Shape.MANY:
        return [one] * count
    first = one if value.shape is Shape.FIRST else OTHER if value.shape is Shape.PAIR else UNKNOWN
    second = one if value.shape is Shape.PAIR else UNKNOWN
    return [first, second, *[UNKNOWN] * count][:count]


def first_known(values: Sequence[Value]) -> Value:
    """The first of several possible values that is known."""
    return next((value for value in values if value.shape not in {Shape.UNKNOWN, Shape.OTHER}), UNKNOWN)
