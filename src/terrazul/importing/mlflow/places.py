"""Where the files are that MLflow names by an address: on this machine, or nowhere that can be read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import List, NamedTuple, Optional, Sequence, Tuple
from urllib.parse import unquote, urlsplit

from terrazul.core.errors import InvalidInput
from terrazul.importing.source import Folder

_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_PROXY = "mlflow-artifacts:"


class Given(NamedTuple):
    """What ``--artifacts`` was given: a folder, and the beginning of the addresses that it stands for."""

    begin: str
    folder: Path


def read_given(given: str) -> Given:
    """``FOLDER`` or ``ADDRESS=FOLDER``. Raises ``InvalidInput`` for a folder that is not there."""
    begin, separator, folder = given.rpartition("=")
    if not separator or Path(given).is_dir():
        begin, folder = "", given
    if not Path(folder).is_dir():
        message = f"{folder!r} is not a folder."
        raise InvalidInput(message, target=folder, hint="Write --artifacts FOLDER, or --artifacts ADDRESS=FOLDER.")
    return Given(begin.rstrip("/"), Path(folder))


class Places:
    """Finds folders by what was given, by the address itself, and by where MLflow puts things below a root."""

    def __init__(self, base: Path, roots: Sequence[Path], given: Sequence[Given]) -> None:
        self._base = base
        self._given = sorted((each for each in given if each.begin), key=lambda each: -len(each.begin))
        self._roots: List[Path] = [each.folder for each in given if not each.begin] + list(roots)

    def find(self, address: str, usual: str) -> Folder:
        """The folder of an address; ``usual`` is where it is below a root, such as ``1/<run>/artifacts``.

        Where the folder around it is there, it is one without files: MLflow makes it with the first file.
        """
        for given in self._given:
            if address == given.begin or address.startswith(given.begin + "/"):
                return _there(given.folder / address[len(given.begin) :].strip("/"))
        local = self._local(address)
        if local is not None and local.exists():
            return _there(local)
        candidates = [root / usual for root in self._roots]
        if address.startswith(_PROXY):
            path = urlsplit(address).path.strip("/")
            candidates = [root / path for root in self._roots] + candidates
        for candidate in candidates:
            if candidate.exists():
                return _there(candidate)
        around = ([local] if local is not None else []) + candidates
        if any(_has_surroundings(each, usual) for each in around):
            return Folder()
        return Folder(None, _problem(address, is_local=local is not None))

    def _local(self, address: str) -> Optional[Path]:
        if address.startswith("file:"):
            return Path(unquote(urlsplit(address).path))
        if not address or _REMOTE.match(address):
            return None
        return self._base / address


def _there(folder: Path) -> Folder:
    return Folder(folder) if folder.exists() else Folder()


def _has_surroundings(folder: Path, usual: str) -> bool:
    """Whether the root below which a folder would lie is there."""
    parts: Tuple[str, ...] = tuple(part for part in usual.split("/") if part)
    above = folder.parents
    return len(above) >= len(parts) > 0 and above[len(parts) - 1].is_dir()


def _problem(address: str, *, is_local: bool) -> str:
    if is_local:
        return f"the place of its files, {address}, is not here; name the folder that holds them by --artifacts"
    return (
        f"the place of its files, {address}, cannot be read from here; copy it, and name the copy by --artifacts "
        "ADDRESS=FOLDER"
    )
