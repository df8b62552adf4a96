"""The copy of the SDK that scripts import: what runs in environments that are not ours, and nothing else."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Iterator

import terrazul

_PACKAGES = ("core", "wire", "data", "sdk", "compatibility")
_FACES = ("azureml", "azureml_inference_server_http")


def provide(folder: Path) -> Path:
    """The folder to put on a script's path, made below ``folder`` when it is not there yet for this content."""
    files = dict(_sources())
    target = folder / _key(files)
    if not target.exists():
        _copy(files, target)
    return target


def _sources() -> Iterator[tuple[str, Path]]:
    """Every file of the SDK, by its place in the copy."""
    root = Path(terrazul.__file__).parent
    yield "terrazul/__init__.py", root / "__init__.py"
    for package in _PACKAGES:
        yield from _python_files(f"terrazul/{package}", root / package)
    yield "terrazul/scoring/__init__.py", root / "scoring" / "__init__.py"
    yield from _python_files("terrazul/scoring/worker", root / "scoring" / "worker")
    for name in _FACES:
        face = PathFinder.find_spec(name)
        for location in (face.submodule_search_locations or [])[:1] if face else []:
            yield from _python_files(name, Path(location))


def _python_files(name: str, folder: Path) -> Iterator[tuple[str, Path]]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(each for each in folders if each != "__pycache__")
        place = name + parent[len(str(folder)) :]
        yield from (
            (f"{place}/{file}", Path(parent, file))
            for file in sorted(files)
            if file.endswith((".py", ".json", ".typed"))
        )


def _key(files: dict[str, Path]) -> str:
    """A name for the content, from sizes and times, so that no file has to be read."""
    digest = hashlib.sha256()
    for place, file in files.items():
        status = file.stat()
        digest.update(f"{place}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]


def _copy(files: dict[str, Path], target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix="copying-", dir=target.parent))
    try:
        for place, file in files.items():
            copy = temporary / place
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, copy)
        temporary.rename(target)
    except FileExistsError:
        return
    except OSError:
        if not target.exists():
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
