"""What all steps have in common: a name, arguments as plain data, and the types of dataset that know them."""

from __future__ import annotations

import dataclasses
from typing import Any, Callable, ClassVar, Dict, FrozenSet, Type, TypeVar

from terrazul.core.errors import InvalidInput
from terrazul.data.plan import check
from terrazul.wire.dataset import FILE, TABULAR, Step

BOTH = frozenset({TABULAR, FILE})
TABLES = frozenset({TABULAR})
FILES = frozenset({FILE})

_KNOWN: Dict[str, Type[Operation]] = {}


class Operation:
    """A step. Its class is a frozen dataclass that checks its fields when it is made."""

    name: ClassVar[str]
    types: ClassVar[FrozenSet[str]]
    is_source: ClassVar[bool] = False

    def to_plain(self) -> Dict[str, Any]:
        """The arguments as JSON has them."""
        return {name: getattr(self, name) for name in _fields_of(type(self))}

    @classmethod
    def from_plain(cls, arguments: Dict[str, Any]) -> Operation:
        """The step with these arguments. Raises ``InvalidInput``."""
        return cls(**arguments)


Defined = TypeVar("Defined", bound=Type[Operation])


def operation(name: str, types: FrozenSet[str], *, is_source: bool = False) -> Callable[[Defined], Defined]:
    """Enter a class under the name of its step."""

    def enter(defined: Defined) -> Defined:
        defined.name, defined.types, defined.is_source = name, types, is_source
        _KNOWN[name] = defined
        return defined

    return enter


def to_step(given: Operation) -> Step:
    """An operation as it travels."""
    return Step(given.name, given.to_plain())


def from_step(step: Step) -> Operation:
    """A step that travelled. Raises ``InvalidInput`` for one that is not known, or whose arguments are wrong."""
    known = _KNOWN.get(step.operation)
    if known is None:
        message = f"There is no step {step.operation[:80]!r}."
        raise InvalidInput(message, target="steps", hint="A newer version of Terrazul may have made it.")
    arguments = check.mapping(step.operation, step.arguments)
    fields = _fields_of(known)
    check.only(f"The step {step.operation!r}", list(arguments), list(fields))
    for name, is_needed in fields.items():
        if is_needed and name not in arguments:
            message = f"The step {step.operation!r} needs {name}."
            raise InvalidInput(message, target=name)
    return known.from_plain(arguments)


def _fields_of(defined: Any) -> Dict[str, bool]:
    """The names of the arguments, and whether one has to be given."""
    return {
        field.name: field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        for field in dataclasses.fields(defined)
    }
