"""The check of a folder of v1 code: what runs here, what does not and why, and which pins to set."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from dataclasses import field
from pathlib import Path
from typing import Iterator, List

from terrazul.compatibility import requirement_file, status
from terrazul.compatibility.scan import Scanner
from terrazul.compatibility.source import (
    SCRIPT_LIMIT,
    Fragment,
    Source,
    Unreadable,
    find_files,
    read_text,
    sources_of,
    without_magics,
)
from terrazul.compatibility.status import Support
from terrazul.core.dataclass import dataclass
from terrazul.core.errors import InvalidInput

_PYTHON_2 = re.compile(r"""\bprint\s+["'\w]|\bexcept\s+[\w.]+\s*,|\bexec\s+["'\w]|\braise\s+\w+\s*,|<>|`|\b0[0-7]+\b""")
_UNKNOWN = "not in v1's public surface"


@dataclass(frozen=True)
class Finding:
    """One thing that was found in one file, with every place there."""

    path: str
    places: List[str]
    """Line numbers, in notebooks with their cell."""
    name: str
    """The v1 name, the removed name of another library, the requirement; empty for a file that cannot be read."""
    note: str
    """How it differs, the capability it waits for, the pin that brings it back, or what is wrong."""


@dataclass(frozen=True)
class Use(Finding):
    """The use of a v1 name."""

    support: Support


@dataclass
class Report:
    """What was found in a folder."""

    folder: str
    programs: List[str] = field(default_factory=list)
    """The scripts and notebooks, and the scripts that notebooks write."""
    v1_programs: List[str] = field(default_factory=list)
    """Those of them that import v1's modules."""
    uses: List[Use] = field(default_factory=list)
    traps: List[Finding] = field(default_factory=list)
    """Names that newer versions of other libraries have removed."""
    problems: List[Finding] = field(default_factory=list)
    """Files and cells that cannot be read as Python 3."""
    requirements: List[Finding] = field(default_factory=list)
    """Packages and Python versions that are met otherwise than they are asked for."""

    @property
    def all_works(self) -> bool:
        """Whether everything that was found runs as it is."""
        return not (self.traps or self.problems or self.waiting())

    def waiting(self) -> List[Use]:
        """The uses of what is not there yet."""
        return [use for use in self.uses if use.support is Support.NOT_YET]

    def pins(self) -> List[str]:
        """The pins that bring back what newer libraries have removed."""
        return sorted({trap.note for trap in self.traps})

    def stopped_programs(self) -> List[str]:
        """The programs in which something does not run as it is."""
        stopping = {finding.path for finding in (*self.waiting(), *self.traps, *self.problems)}
        return [program for program in self.programs if program in stopping]


def check_folder(path: str) -> Report:
    """Read every script, notebook and requirement file below a folder, or one such file.

    Nothing is run or imported, and no link is followed. A file that cannot be read is a problem in the report. Raises
    ``InvalidInput`` for a path that does not exist.
    """
    root = Path(path)
    if not root.exists():
        raise InvalidInput(
            f"There is no folder {path!r}.", target=path, hint="Give the folder that holds your v1 code."
        )
    report = Report(path)
    for file in find_files(root) if root.is_dir() else [root]:
        name = str(file.relative_to(root)) if root.is_dir() else file.name
        if file.suffix in {".py", ".ipynb"}:
            _check_programs(file, name, report)
        elif requirement_file.is_requirement_file(file.name):
            _check_requirements(file, name, report)
    return report


def _check_requirements(file: Path, name: str, report: Report) -> None:
    try:
        text = read_text(file, SCRIPT_LIMIT)
    except Unreadable as error:
        report.problems.append(Finding(name, [], "", str(error)))
        return
    for line, requirement, note in requirement_file.notes_on(name, text):
        report.requirements.append(Finding(name, [str(line)], requirement, note))


def _check_programs(file: Path, name: str, report: Report) -> None:
    try:
        for source in sources_of(file, name):
            _check_program(source, report)
    except Unreadable as error:
        report.programs.append(name)
        report.problems.append(Finding(name, [], "", str(error)))


def _check_program(source: Source, report: Report) -> None:
    scanner = Scanner()
    for fragment in source.fragments:
        report.problems += _scan(scanner, source, fragment)
    scanner.finish()
    report.programs.append(source.path)
    if scanner.imports_v1:
        report.v1_programs.append(source.path)
    report.uses += _uses(source.path, scanner)
    report.traps += [Finding(source.path, places, name, pin) for (name, pin), places in scanner.traps.items()]
    for version, places in scanner.pythons.items():
        note = requirement_file.note_on(f"python={version}")
        if note:
            report.requirements.append(Finding(source.path, places, f"python={version}", note))


def _scan(scanner: Scanner, source: Source, fragment: Fragment) -> List[Finding]:
    """Read one piece; what keeps it from being read."""
    try:
        scanner.scan(_parse(fragment), fragment.place)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return [_problem(source, fragment, error)]
    return []


def _parse(fragment: Fragment) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape in someone's string is no concern of ours
        try:
            return ast.parse(fragment.text)
        except SyntaxError:
            if not fragment.cell:
                raise
            return ast.parse(textwrap.dedent(without_magics(fragment.text)))


def _problem(source: Source, fragment: Fragment, error: BaseException) -> Finding:
    if not isinstance(error, SyntaxError):
        return Finding(source.path, [fragment.place(1)], "", "it is nested too deeply, or holds null bytes")
    number = error.lineno or 1
    line = "".join(fragment.text.split("\n")[number - 1 : number])
    what = "it is written for Python 2" if _PYTHON_2.search(line) else f"it is not valid Python: {error.msg}"
    return Finding(source.path, [fragment.place(number)], "", what)


def _uses(path: str, scanner: Scanner) -> Iterator[Use]:
    for (home, member), places in scanner.uses.items():
        found = status.of(home, member)
        yield Use(path, places, _readable(home, member), found.note, found.support)
    for name, places in scanner.unknown.items():
        waits_for = status.of(name.rpartition(".")[0]).note
        yield Use(path, places, name, waits_for or _UNKNOWN, Support.NOT_YET)


def _readable(home: str, member: str) -> str:
    """``Run.log``: the class without its module; of a constructor only the class, of other names the home."""
    if not member:
        return home
    owner = home.rpartition(".")[2]
    return owner if member == "__init__" else f"{owner}.{member}"
