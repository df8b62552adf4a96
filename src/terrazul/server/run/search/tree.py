"""What a filter and an order say, as a tree."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import field
from typing import NamedTuple

from terrazul.core.dataclass import dataclass


class Entity(enum.Enum):
    """What kind of thing a field belongs to, in the word under which a filter names it."""

    ATTRIBUTE = "attribute"
    METRIC = "metric"
    METRIC_MINIMUM = "metric_min"
    METRIC_MAXIMUM = "metric_max"
    PARAMETER = "param"
    TAG = "tag"
    PROPERTY = "property"
    DATASET = "dataset"


class Kind(enum.Enum):
    """With what a field is compared, in the words in which errors tell of it."""

    NUMBER = "a number"
    TEXT = "a text in quotes"
    TIME = "a time: milliseconds since 1970, or a text such as '2026-11-27T08:00:00Z'"
    STATE = "a state such as 'Completed' or 'FINISHED'"


class Field(NamedTuple):
    """What is compared, or sorted by."""

    entity: Entity
    key: str
    kind: Kind


class Operator(enum.Enum):
    """How it is compared. A field that a run lacks holds for none of these but ``IS_NULL``."""

    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="
    LIKE = "LIKE"
    NOT_LIKE = "NOT LIKE"
    ILIKE = "ILIKE"
    NOT_ILIKE = "NOT ILIKE"
    IN = "IN"
    NOT_IN = "NOT IN"
    IS_NULL = "IS NULL"
    IS_NOT_NULL = "IS NOT NULL"


class Span(NamedTuple):
    """The microseconds that a time stands for: from the first to before ``end``."""

    first: int
    end: int


Value = float | str | Span


@dataclass(frozen=True)
class Comparison:
    """A field compared with a value, with several (IN), or with none (IS NULL); ``place`` is where it begins."""

    field: Field
    operator: Operator
    values: tuple[Value, ...] = ()
    place: int = 1


@dataclass(frozen=True)
class And:
    """All of these; nothing restricts where there are none."""

    parts: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Or:
    """One of these at least."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Not:
    """Everything for which this does not hold, so also what lacks the fields that it names."""

    part: Node


Node = Comparison | And | Or | Not


class OrderTerm(NamedTuple):
    """A field to sort by; what lacks it comes last either way."""

    field: Field
    descending: bool


@dataclass(frozen=True)
class Schema:
    """The fields that a search knows.

    ``attributes`` have the names by which a filter may call them, in small letters with ``_`` for spaces. ``entities``
    have theirs with the kind of their values. ``stand_ins`` are keys of an entity that are attributes in truth.
    ``keys`` are the only ones of an entity, where not any key will do.
    """

    attributes: Mapping[str, Field]
    entities: Mapping[str, tuple[Entity, Kind]]
    stand_ins: Mapping[tuple[Entity, str], Field] = field(default_factory=dict)
    keys: Mapping[Entity, tuple[str, ...]] = field(default_factory=dict)
