"""What of the v1 surface works, what differs, and what is not there yet.

``measure`` reads it from the live classes. What it finds is recorded in ``not_yet.json``, so that a scan of someone's
code needs neither to import them all nor to have the ``azureml`` names in its interpreter.
"""

from __future__ import annotations

import enum
import inspect
import json
import pkgutil
from functools import lru_cache
from importlib import import_module
from typing import Dict, Iterator, List, Mapping, Tuple

from terrazul.compatibility import surface
from terrazul.compatibility.differences import DIFFERENCES
from terrazul.core.dataclass import dataclass
from terrazul.sdk.unsupported import MARK


class Support(enum.Enum):
    """How far a v1 name works."""

    WORKS = "works"
    DIFFERS = "differs"
    NOT_YET = "not yet"


@dataclass(frozen=True)
class Status:
    """How far a v1 name works, with how it differs or the capability that it waits for."""

    support: Support
    note: str = ""


def measure() -> Dict[str, List[str]]:
    """For each capability that is missing the names that wait for it, read from the live ``azureml`` modules.

    A class that is missing as a whole stands for its members.
    """
    waiting: Dict[str, List[str]] = {}
    for module in surface.modules():
        for name, capability in _missing_of(module):
            waiting.setdefault(capability, []).append(name)
    return {capability: sorted(names) for capability, names in sorted(waiting.items())}


def _missing_of(module: surface.Module) -> Iterator[Tuple[str, str]]:
    live = import_module(module.name)
    for name in (*module.functions, *module.constants):
        yield from _capability_of(f"{module.name}.{name}", getattr(live, name))
    for name, facts in module.classes.items():
        found = list(_capability_of(facts.home, getattr(live, name)))
        yield from found or _missing_members(facts, getattr(live, name))


def _missing_members(facts: surface.Class, live: type) -> Iterator[Tuple[str, str]]:
    for name in facts.members:
        member = inspect.getattr_static(live, name, None)
        yield from _capability_of(f"{facts.home}.{name}", getattr(member, "__func__", member))


def _capability_of(name: str, live: object) -> Iterator[Tuple[str, str]]:
    own: Mapping[str, str] = getattr(live, "__dict__", {})
    if MARK in own or hasattr(type(live), MARK):
        yield name, own["capability"]


@lru_cache(maxsize=None)
def _capabilities() -> Dict[str, str]:
    text = pkgutil.get_data(__package__, "not_yet.json")
    waiting: Dict[str, List[str]] = json.loads(text or b"{}")
    return {name: capability for capability, names in waiting.items() for name in names}


forget = _capabilities.cache_clear


def of(home: str, member: str = "") -> Status:
    """The status of a class, a function or a constant; or of a member that the class at ``home`` defines."""
    name = f"{home}.{member}" if member else home
    capability = _capabilities().get(home) or _capabilities().get(name)
    if capability:
        return Status(Support.NOT_YET, capability)
    difference = DIFFERENCES.get(home if member == "__init__" else name)
    return Status(Support.DIFFERS, difference) if difference else Status(Support.WORKS)
