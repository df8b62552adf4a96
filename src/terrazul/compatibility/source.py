"""The scripts and notebooks of a folder, as pieces of Python with the places they come from."""

from __future__ import annotations

import io
import json
import os
import re
import tokenize
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

from terrazul.core.dataclass import dataclass

SCRIPT_LIMIT = 2 << 20
NOTEBOOK_LIMIT = 64 << 20

_SKIPPED_FOLDERS = {".git", ".ipynb_checkpoints", ".mypy_cache", ".tox", "__pycache__", "node_modules", "site-packages"}
_PYTHON_CELL_MAGICS = {"capture", "local", "prun", "time", "timeit"}
_CELL_MAGIC = re.compile(r"\s*%%(\w+)\s*(.*)")
_LINE_MAGIC = re.compile(r"(\s*)(?:%{1,2}[A-Za-z]|[!?]|[\w.]+\?+\s*$)")
_ASSIGNED_MAGIC = re.compile(r"(\s*[\w.,\[\] ]+=\s*)(?:%[A-Za-z]|!)")


class Unreadable(ValueError):
    """A file whose text cannot be had; the message says why."""

    def __init__(self, why: str = "it is not a notebook, or a broken one") -> None:
        super().__init__(why)


@dataclass(frozen=True)
class Fragment:
    """A piece of Python: a script, or one cell of a notebook (counted from 1 as a reader does)."""

    text: str
    cell: int = 0

    def place(self, line: int) -> str:
        """Where a line of this piece is found."""
        return f"cell {self.cell}:{line}" if self.cell else str(line)


@dataclass(frozen=True)
class Source:
    """A program: its fragments run one after the other and share their names."""

    path: str
    fragments: Tuple[Fragment, ...]


def find_files(folder: Path) -> Iterator[Path]:
    """The paths of all regular files below a folder, in order; symbolic links are not followed.

    What version control, notebooks and virtual environments keep for themselves is left out, and so is a folder that
    may not be read.
    """
    waiting = [folder]
    while waiting:
        entries = _entries(waiting.pop())
        yield from (Path(entry.path) for entry in entries if entry.is_file(follow_symlinks=False))
        folders = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
        waiting += [Path(entry.path) for entry in reversed(folders) if not _is_skipped(entry)]


def _entries(folder: Path) -> List[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError:
        return []


def _is_skipped(folder: os.DirEntry[str]) -> bool:
    return folder.name in _SKIPPED_FOLDERS or Path(folder.path, "pyvenv.cfg").exists()


def read_text(path: Path, limit: int) -> str:
    """The text of a file in the encoding that it declares. Raises ``Unreadable``."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise Unreadable(f"it is larger than {limit >> 20} MiB")
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding)
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        raise Unreadable(f"it cannot be read: {error}") from error


def sources_of(path: Path, name: str) -> Iterator[Source]:
    """The programs in a file: a script is one; a notebook is one, and each file that its cells write another.

    Raises ``Unreadable``.
    """
    if path.suffix == ".ipynb":
        yield from _notebook(read_text(path, NOTEBOOK_LIMIT), name)
    else:
        yield Source(name, (Fragment(read_text(path, SCRIPT_LIMIT)),))


def _notebook(text: str, name: str) -> Iterator[Source]:
    programs: Dict[str, List[Fragment]] = {name: []}
    for number, cell in enumerate(_code_cells(text), 1):
        magic = _CELL_MAGIC.match(cell)
        if magic and magic.group(1) in {"writefile", "file"}:
            written = magic.group(2).split()[-1:]
            text_of_file = cell.replace("%%", "# ", 1)
            programs.setdefault(f"{name}:{' '.join(written)}", []).append(Fragment(text_of_file, number))
        elif not magic or magic.group(1) in _PYTHON_CELL_MAGICS:
            programs[name].append(Fragment(cell, number))
    for path, fragments in programs.items():
        if path == name or path.endswith(".py"):
            yield Source(path, tuple(fragments))


def _code_cells(text: str) -> Iterator[str]:
    """The text of each code cell, the others as empty so that the count stays that of the reader."""
    try:
        notebook = json.loads(text)
        sheets: List[Dict[str, Any]] = notebook.get("worksheets", [notebook])
        cells = [cell for sheet in sheets for cell in sheet["cells"]]
        for cell in cells:
            source = cell.get("source", cell.get("input", ""))
            yield "".join(source) if cell.get("cell_type") == "code" else ""
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Unreadable from error


def without_magics(text: str) -> str:
    """The text with what only a notebook understands replaced by Python that does nothing, line by line."""
    lines: List[str] = []
    continued = False
    for line in text.split("\n"):
        replaced = "pass" if continued else _without_magic(line)
        continued = replaced is not None and line.rstrip().endswith("\\")
        lines.append(line if replaced is None else replaced)
    return "\n".join(lines)


def _without_magic(line: str) -> Optional[str]:
    magic = _LINE_MAGIC.match(line)
    if magic:
        return f"{magic.group(1)}pass"
    assigned = _ASSIGNED_MAGIC.match(line)
    return f"{assigned.group(1)}None" if assigned else None
