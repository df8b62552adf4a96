"""How a v1 module gets its names: from a table of where they live, and a list of those that are not there yet.

A module is a call of ``face``, nothing else. When a capability arrives, its names move from ``not_yet`` to the table.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any, Callable, List, Mapping, Sequence, Tuple

_NOTHING: Mapping[str, Sequence[str]] = {}

Face = Tuple[Callable[[str], Any], Callable[[], List[str]], List[str]]


def face(module: str, lives_in: Mapping[str, str], *, not_yet: Mapping[str, Sequence[str]] = _NOTHING) -> Face:
    """The ``__getattr__``, ``__dir__`` and ``__all__`` of a v1 module; each name is loaded on its first use.

    Args:
        module: its ``__name__``.
        lives_in: for each name the module in which it lives, as ``module`` or ``module:other_name``.
        not_yet: for each capability that Terrazul does not have yet, the names that wait for it.
    """
    capability_of = {name: capability for capability, names in not_yet.items() for name in names}
    public = sorted(name for name in (*lives_in, *capability_of) if not name.startswith("_"))

    def load(name: str) -> Any:
        if name in lives_in:
            home, _, other_name = lives_in[name].partition(":")
            value = getattr(import_module(home), other_name or name)
        elif name in capability_of:
            value = import_module("terrazul.compatibility.stand_in").stand_in(f"{module}.{name}", capability_of[name])
        else:
            value = _submodule(module, name)
        return vars(import_module(module)).setdefault(name, value)

    return load, lambda: public, public


def _submodule(package: str, name: str) -> Any:
    """v1's packages load what lies below them, so that ``azureml.core.run`` needs no import of its own."""
    if name.startswith("_") or not hasattr(import_module(package), "__path__") or not find_spec(f"{package}.{name}"):
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    return import_module(f"{package}.{name}")
