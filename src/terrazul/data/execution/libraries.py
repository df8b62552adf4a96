"""The table libraries, which the SDK does not need for anything else."""

from __future__ import annotations

from importlib import import_module

from terrazul.core.errors import MissingLibrary


def need(library: str, package: str = "terrazul[data]") -> None:
    """Import a library. Raises ``MissingLibrary``, which names what has to be installed."""
    try:
        import_module(library)
    except ImportError as error:
        name = library.partition(".")[0]
        message = f"The rows of a dataset need the library {name}, which this environment does not have."
        hint = f"Install it: pip install '{package}'; for a run, add {package} to the packages of its environment."
        raise MissingLibrary(message, target=name, hint=hint, inner_exception=error) from error
