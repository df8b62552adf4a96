"""``terrazul doctor``."""

from __future__ import annotations

import argparse

from terrazul.cli import diagnosis
from terrazul.cli.command import Subparsers, add_verb
from terrazul.cli.diagnosis import Finding, Level
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import is_for_people, note, paint_word, show
from terrazul.cli.up import home_option
from terrazul.cli.wording import plural, printable
from terrazul.core.home import Home

_WIDTH = max(len(level.value) for level in Level)


def add_parser(subparsers: Subparsers) -> None:
    """The verb's parser."""
    parser = add_verb(
        subparsers,
        "doctor",
        run,
        "Look for what could go wrong on this machine, and say what to do. The exit code is 1 where an error is found.",
    )
    home_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show every finding."""
    findings = diagnosis.examine(Home(arguments.home))
    if is_for_people(arguments):
        for finding in findings:
            print(_line(finding))
    else:
        show(arguments, findings)
    errors = sum(finding.level is Level.ERROR for finding in findings)
    warnings = sum(finding.level is Level.WARNING for finding in findings)
    note(f"{plural(errors, 'error')}, {plural(warnings, 'warning')}.")
    return ExitCode.FAILED if errors else ExitCode.GOOD


def _line(finding: Finding) -> str:
    level = paint_word(finding.level.value.ljust(_WIDTH))
    advice = f"\n{' ' * _WIDTH}  {finding.advice}" if finding.advice else ""
    return f"{level}  {finding.subject}: {printable(finding.found)}{advice}"
