"""What is laid out on a machine: our own code, and the few packages that it takes, as one tar stream."""

from __future__ import annotations

import hashlib
import io
import platform
import sys
import tarfile
from collections.abc import Iterator
from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.metadata import distribution
from pathlib import Path, PurePosixPath

import terrazul

_FACES = ("azureml", "azureml_inference_server_http")
_COMPILED = ("uv", "psutil", "msgspec")
"""What a runner and what answers beside it import, apart from our own."""
_SITE = "site"
_LEVEL = 1


class Program:
    """The files, by their places; ``key`` names their content, and ``pins`` what the packages are."""

    def __init__(self) -> None:
        self._files = dict(_sources())
        self.pins = [f"{name}=={distribution(name).version}" for name in _COMPILED]
        self.python = f"{sys.version_info.major}.{sys.version_info.minor}"
        self.platform = f"{platform.system()} {platform.machine()}"
        digest = hashlib.sha256(" ".join([self.python, self.platform, *self.pins]).encode())
        for place, file in sorted(self._files.items()):
            digest.update(f"{place}\0".encode())
            if not place.startswith(f"{_SITE}/bin/"):  # its version is among the pins
                digest.update(hashlib.sha256(file.read_bytes()).digest())
        self.key = digest.hexdigest()[:32]

    def pack(self) -> bytes:
        """All of it."""
        held = io.BytesIO()
        with tarfile.open(fileobj=held, mode="w:gz", compresslevel=_LEVEL) as archive:
            for place, file in sorted(self._files.items()):
                entry = tarfile.TarInfo(place)
                entry.size, entry.mode = file.stat().st_size, 0o700 if "/bin/" in place else 0o600
                with file.open("rb") as stream:
                    archive.addfile(entry, stream)
        return held.getvalue()


@lru_cache(maxsize=1)
def program() -> Program:
    """The one of this installation; what it is made of is read once."""
    return Program()


def _sources() -> Iterator[tuple[str, Path]]:
    yield from _folder(f"{_SITE}/terrazul", Path(terrazul.__file__).parent)
    for name in _FACES:
        face = PathFinder.find_spec(name)
        for location in (face.submodule_search_locations or [])[:1] if face else []:
            yield from _folder(f"{_SITE}/{name}", Path(location))
    for name in _COMPILED:
        for file in distribution(name).files or []:
            place = PurePosixPath(*[part for part in PurePosixPath(file).parts if part != ".."])
            if "__pycache__" not in place.parts and place.name != "uvx":
                yield f"{_SITE}/{place}", Path(str(file.locate()))


def _folder(name: str, folder: Path) -> Iterator[tuple[str, Path]]:
    for file in folder.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            yield f"{name}/{file.relative_to(folder).as_posix()}", file
