"""The public surface of the v1 SDK, read from ``surface.json``.

The facts say what each module exports and defines, and how many of 801 public files use each name. In the file a member
is its kind, its uses and its parameters (``"m310 config, tags=None"``), in a list with its value where that is a
literal. Names are those by which v1's public modules know a thing: its *home* is the module that defines it, and other
modules may export it too.
"""

from __future__ import annotations

import enum
import json
import pkgutil
import re
from functools import lru_cache
from typing import Any, Dict, FrozenSet, Iterator, List, Optional, Tuple, Union

from terrazul.core.dataclass import dataclass

_MEMBER = re.compile(r"([mscpfvn])(\d*) ?(.*)", re.DOTALL)


class Kind(enum.Enum):
    """What a member is, by the letter that the file uses."""

    METHOD = "m"
    STATIC_METHOD = "s"
    CLASS_METHOD = "c"
    PROPERTY = "p"
    ATTRIBUTE = "f"
    CONSTANT = "v"
    CONSTANTS = "n"
    """A nested class that holds nothing but constants."""

    @property
    def is_called(self) -> bool:
        """True for what one calls."""
        return self in {Kind.METHOD, Kind.STATIC_METHOD, Kind.CLASS_METHOD}


@dataclass(frozen=True)
class Member:
    """A function, a constant, or a member of a class."""

    name: str
    kind: Kind
    uses: int
    parameters: str
    has_value: bool
    value: Any


@dataclass(frozen=True)
class Class:
    """A class, with the members that it defines itself."""

    home: str
    uses: int
    bases: Tuple[str, ...]
    is_enum: bool
    members: Dict[str, Member]

    @property
    def name(self) -> str:
        """Its name without the module."""
        return self.home.rpartition(".")[2]


@dataclass(frozen=True)
class Module:
    """A module, with what it defines itself and the homes of what it exports besides."""

    name: str
    uses: int
    exports: Tuple[str, ...]
    classes: Dict[str, Class]
    functions: Dict[str, Member]
    constants: Dict[str, Member]

    def find(self, name: str) -> Union[Class, Member, None]:
        """What this module defines under a name."""
        return self.classes.get(name) or self.functions.get(name) or self.constants.get(name)

    def homes(self) -> Dict[str, str]:
        """Every name that can be imported from this module, with its home."""
        own = {name: f"{self.name}.{name}" for name in (*self.classes, *self.functions, *self.constants)}
        return {**{home.rpartition(".")[2]: home for home in self.exports}, **own}


@lru_cache(maxsize=None)
def _facts() -> Dict[str, Dict[str, Any]]:
    text = pkgutil.get_data(__package__, "surface.json")
    facts: Dict[str, Dict[str, Any]] = json.loads(text or b"{}")
    return facts


def _member(name: str, fact: Union[str, List[Any]]) -> Member:
    text, value = (fact[0], fact[1:2]) if isinstance(fact, list) else (fact, [])
    match = _MEMBER.fullmatch(text)
    if match is None:
        raise ValueError(f"surface.json has {text!r} for {name}, which is not a kind, a number and parameters")
    kind, uses, parameters = match.groups()
    return Member(name, Kind(kind), int(uses or 0), parameters, bool(value), value[0] if value else None)


def _members(facts: Dict[str, Any]) -> Dict[str, Member]:
    return {name: _member(name, fact) for name, fact in facts.items()}


def module_names() -> FrozenSet[str]:
    """The names of all modules of the surface."""
    return frozenset(_facts())


@lru_cache(maxsize=None)
def module(name: str) -> Optional[Module]:
    """The facts of a module; ``None`` for one that v1 does not have."""
    facts = _facts().get(name)
    if facts is None:
        return None
    classes = {
        class_name: Class(
            f"{name}.{class_name}",
            fact["uses"],
            tuple(fact.get("bases", ())),
            fact.get("enum", False),
            _members(fact.get("members", {})),
        )
        for class_name, fact in facts.get("classes", {}).items()
    }
    functions, constants = _members(facts.get("functions", {})), _members(facts.get("constants", {}))
    return Module(name, facts["uses"], tuple(facts.get("exports", ())), classes, functions, constants)


def modules() -> Iterator[Module]:
    """Every module, by name."""
    return (found for found in map(module, sorted(_facts())) if found)


def find(home: str) -> Union[Class, Member, None]:
    """What has its home under a dotted name: a class, or a function or constant."""
    module_name, _, name = home.rpartition(".")
    found = module(module_name)
    return found.find(name) if found else None


def lineage(home: str) -> Iterator[Class]:
    """The class and all classes from which it inherits, nearest first."""
    found = find(home)
    if isinstance(found, Class):
        yield found
        for base in found.bases:
            yield from lineage(base)
