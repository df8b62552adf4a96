"""``terrazul check FOLDER``: what of a folder of v1 code runs here, and what to do about the rest."""

from __future__ import annotations

import argparse
from itertools import groupby
from typing import Iterator, List, Sequence, Tuple

from terrazul.cli.command import Subparsers, add_verb
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import is_for_people, show
from terrazul.cli.wording import printable
from terrazul.compatibility.check import Finding, Report, check_folder
from terrazul.compatibility.status import Support


def add_parser(subparsers: Subparsers) -> None:
    """The verb's parser."""
    parser = add_verb(
        subparsers,
        "check",
        run,
        "Read v1 scripts and notebooks: what runs, what does not and why, which pins to set. Nothing is run. The exit "
        "code is 1 where something does not run as it is.",
        example="terrazul check notebooks/",
    )
    parser.add_argument("folder", metavar="FOLDER", help="The folder, or one script or notebook.")


def run(arguments: argparse.Namespace) -> int:
    """Show what was found. Raises ``InvalidInput`` for a path that does not exist."""
    report = check_folder(arguments.folder)
    if is_for_people(arguments):
        for line in _lines(report):
            print(printable(line))
    else:
        summary = {"all_works": report.all_works, "pins": report.pins(), "stopped_programs": report.stopped_programs()}
        show(arguments, {**summary, **vars(report)})
    return ExitCode.GOOD if report.all_works else ExitCode.FAILED


def _lines(report: Report) -> Iterator[str]:
    works, differs, waits = (sum(use.support is support for use in report.uses) for support in Support)
    programs, stopped = len(report.programs), len(report.stopped_programs())
    yield f"{programs} scripts and notebooks, {len(report.v1_programs)} of them v1 code."
    yield f"v1 names used: {works} work, {differs} differ, {waits} are not there yet."
    yield f"{programs - stopped} run as they are, {stopped} do not." if stopped else "All run as they are."
    for title, findings in _sections(report):
        yield ""
        yield title
        for path, found in groupby(findings, key=lambda finding: finding.path):
            yield f"  {path}"
            yield from (f"    {', '.join(finding.places) or '-'}: {finding.name}" for finding in found)


def _sections(report: Report) -> Iterator[Tuple[str, Sequence[Finding]]]:
    """What was found, by what is to be said of it; the parts of what does not run first."""
    differing = [use for use in report.uses if use.support is Support.DIFFERS]
    parts: List[Tuple[str, Sequence[Finding]]] = [
        ("Not yet there: {}", report.waiting()),
        ("Removed from a newer library; set the pin {}", report.traps),
        ("Cannot be read: {}", report.problems),
        ("Differs: {}", differing),
        ("Met otherwise: {}", report.requirements),
    ]
    for title, findings in parts:
        for note in sorted({finding.note for finding in findings}):
            yield title.format(note), [finding for finding in findings if finding.note == note]
