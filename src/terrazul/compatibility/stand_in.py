"""Stand-ins for v1's classes, functions and constants whose capability Terrazul does not have yet.

A stand-in class is a real one: code can import it, annotate with it, catch it, test and inherit from it, and read the
constants of v1. Making an object or using a member raises ``CapabilityNotAvailable``, which names both.
"""

from __future__ import annotations

import enum
from importlib import import_module
from typing import Any, Dict, Optional

from terrazul.compatibility import surface
from terrazul.sdk.unsupported import not_yet, not_yet_property


def stand_in(home: str, capability: str) -> Any:
    """What ``home`` names in v1, without its capability; a constant that v1 gives literally is that constant.

    A name that the surface does not know is taken for a class if it begins with a capital, else for a function.
    """
    found = surface.find(home)
    name = home.rpartition(".")[2]
    if found is None and name.lstrip("_")[:1].isupper():
        found = surface.Class(home, 0, (), is_enum=False, members={})
    if isinstance(found, surface.Class):
        return _enum(found, capability) if found.is_enum else _class(found, capability)
    return _member(name, found, capability)


def _member(name: str, member: Optional[surface.Member], capability: str) -> Any:
    if member is None or member.kind.is_called:
        return not_yet(name, capability)
    if member.kind is surface.Kind.CONSTANTS:
        return type(name, (), dict(member.value))
    return member.value if member.has_value else not_yet_property(name, capability)


def _members(facts: surface.Class, capability: str) -> Dict[str, Any]:
    return {name: _member(f"{facts.name}.{name}", member, capability) for name, member in facts.members.items()}


def _marks(facts: surface.Class, capability: str) -> Dict[str, Any]:
    return {
        "__module__": facts.home.rpartition(".")[0],
        "__doc__": f"v1's ``{facts.name}``; Terrazul does not have {capability} yet.",
        "__terrazul_unsupported__": True,
        "capability": capability,
    }


def _class(facts: surface.Class, capability: str) -> type:
    bases = tuple(_load(base) for base in facts.bases)
    constructor = {"__init__": not_yet(facts.name, capability)}
    return type(facts.name, bases, {**_members(facts, capability), **constructor, **_marks(facts, capability)})


def _enum(facts: surface.Class, capability: str) -> type:
    made = enum.Enum(facts.name, _enum_values(facts))  # type: ignore[misc]  # the members are known at run time only
    functions = {name: member for name, member in _members(facts, capability).items() if name not in made.__members__}
    for name, value in {**functions, **_marks(facts, capability)}.items():
        setattr(made, name, value)
    return made


def _enum_values(facts: surface.Class) -> Dict[str, Any]:
    constants = (member for member in facts.members.values() if member.kind is surface.Kind.CONSTANT)
    return {member.name: member.value if member.has_value else member.name for member in constants}


def _load(home: str) -> type:
    module, _, name = home.rpartition(".")
    loaded: type = getattr(import_module(module), name)
    return loaded
