"""The table libraries, which the SDK does not need for anything else."""

from __future__ import annotations

from importlib import import_module
from typing import Callable, List

from terrazul.core.errors import MissingLibrary

finders: List[Callable[[], None]] = []
"""What puts libraries that are missing onto the path of imports; inside of a run, its runner has them."""


def need(library: str, package: str = "terrazul[data]") -> None:
    """Import a library. Raises ``MissingLibrary``, which names what has to be installed."""
    try:
        _import(library)
    except ImportError as error:
        name = library.partition(".")[0]
        message = f"The rows of a dataset need the library {name}, which this environment does not have."
        hint = f"Install it: pip install '{package}'; for a run, add {package} to the packages of its environment."
        raise MissingLibrary(message, target=name, hint=hint, inner_exception=error) from error


def _import(library: str) -> None:
    """Import a library; where it is missing, once more after it was looked for. Raises ``ImportError``."""
    try:
        import_module(library)
    except ModuleNotFoundError as error:
        if not finders or error.name != library.partition(".")[0]:
            raise
        while finders:
            finders.pop()()
        import_module(library)
