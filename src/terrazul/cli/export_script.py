"""``terrazul export-script``: the program that saves a v1 workspace, as one file."""

from __future__ import annotations

import argparse
import inspect
from pathlib import Path

from terrazul.cli.command import Subparsers, UsageError, add_verb
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import note
from terrazul.importing.azureml import export_workspace


def add_parser(subparsers: Subparsers) -> None:
    """The verb's parser."""
    parser = add_verb(
        subparsers,
        "export-script",
        _write,
        "Print a Python file that saves a v1 workspace into a folder. It needs Python 3.6 and azureml-core, and "
        "nothing of Terrazul: run it where that workspace can be reached, and bring the folder to "
        "`terrazul import azureml`.",
        example="terrazul export-script --output export_workspace.py",
        output=False,
    )
    parser.add_argument("--output", metavar="FILE", help="Where to write it, instead of printing it.")
    parser.add_argument("-y", "--yes", action="store_true", help="Write over a file that is there.")


def _write(arguments: argparse.Namespace) -> int:
    program = inspect.getsource(export_workspace)
    if arguments.output is None:
        print(program, end="")
        return ExitCode.GOOD
    target = Path(arguments.output)
    if target.exists() and not arguments.yes:
        message = f"{target} is there already."
        raise UsageError(message, target=str(target), hint="Name another file, or pass --yes.")
    try:
        target.write_text(program, encoding="utf-8")
    except OSError as error:
        message = f"{target} cannot be written: {error.strerror}."
        raise UsageError(message, target=str(target), hint="Name a file in a folder that is there.") from error
    note(f"Written. Where the v1 workspace can be reached: python {target.name} saved")
    return ExitCode.GOOD
