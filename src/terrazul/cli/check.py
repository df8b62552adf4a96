"""``terrazul check FOLDER``: what of a folder of v1 code runs here, and what to do about the rest."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Dict, Iterable, Iterator, List

from terrazul.compatibility.check import Finding, Report, by_capability, check_folder
from terrazul.compatibility.status import Support

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 argparse has no public name for it


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb ``check``."""
    parser = subparsers.add_parser("check", help="scan v1 scripts and notebooks: what runs, what does not, which pins")
    parser.add_argument("folder", metavar="FOLDER", help="the folder, or one script or notebook")
    parser.add_argument("-o", "--output", choices=["table", "json"], default="table", help="how to write the report")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the report; 0 when everything works, 1 when something does not.

    Raises ``InvalidInput`` for a path that does not exist.
    """
    report = check_folder(arguments.folder)
    print(json.dumps(as_json(report), indent=2) if arguments.output == "json" else "\n".join(as_text(report)))
    return 0 if report.all_works else 1


def as_json(report: Report) -> Dict[str, Any]:
    """The report as JSON values."""
    uses = [{**asdict(use), "support": use.support.value} for use in report.uses]
    summary = {"all_works": report.all_works, "pins": report.pins(), "stopped": sorted(report.stopped_programs())}
    return {**asdict(report), "uses": uses, **summary}


def as_text(report: Report) -> Iterator[str]:
    """The report as lines for a person."""
    counts = {support: sum(use.support is support for use in report.uses) for support in Support}
    yield (
        f"Read {report.programs} scripts and notebooks in {report.folder}; {report.v1_programs} of them use v1. "
        f"{len(report.uses)} uses of v1 names: "
        + ", ".join(f"{count} {support.value}" for support, count in counts.items())
        + "."
    )
    stopped = len(report.stopped_programs())
    yield (
        f"{report.programs - stopped} run as they are, {stopped} do not." if stopped else "All of them run as they are."
    )
    for capability, uses in by_capability(report.failing()).items():
        yield from _section(f"Not yet: {capability}", uses)
    yield from _section("Differs", [use for use in report.uses if use.support is Support.DIFFERS], noted=True)
    for pin in report.pins():
        yield from _section(f"Set the pin {pin}", [trap for trap in report.traps if trap.note == pin])
    yield from _section("Cannot be read", report.problems, noted=True)
    yield from _section("Met otherwise", report.requirements, noted=True)


def _section(title: str, findings: Iterable[Finding], *, noted: bool = False) -> List[str]:
    lines = [
        f"  {finding.path}{':' if finding.places else ''}{'; '.join(finding.places)}  {finding.name}"
        + (f" ({finding.note})" if noted and finding.name else finding.note if noted else "")
        for finding in findings
    ]
    return ["", title, *lines] if lines else []
