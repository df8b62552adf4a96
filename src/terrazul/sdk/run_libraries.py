"""Libraries that a script's environment does not have, from its runner."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Dict

from terrazul.wire.library import LIBRARIES, LibraryFolder, LibraryRequest

if TYPE_CHECKING:
    from terrazul.sdk.client import Client

_TOLD = ("numpy", "pandas", "polars", "pyarrow")
_PATIENCE_SECONDS = 1200.0


def add_to_path(client: Client) -> None:
    """Have what reading data takes found at the end of the path of imports.

    Raises ``UserErrorException`` where the runner cannot install it for this interpreter.
    """
    asked = LibraryRequest(sys.executable, _installed())
    patient = client.within(client.prefix, _PATIENCE_SECONDS)
    folder = patient.post(LibraryFolder, f"/{LIBRARIES}", asked).path
    if folder not in sys.path:
        sys.path.append(folder)


def _installed() -> Dict[str, str]:
    from importlib import metadata  # noqa: PLC0415  # seldom needed, and a script's first line must come soon

    found: Dict[str, str] = {}
    for name in _TOLD:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
