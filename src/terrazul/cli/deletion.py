"""Deleting, as all verbs do it: what goes is shown, then asked for, then followed."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any, Optional

from terrazul.cli.confirmation import confirm
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import Column, is_for_people, note, show
from terrazul.cli.wording import plural, printable, size, text
from terrazul.core.errors import Conflict
from terrazul.sdk import deletion
from terrazul.sdk.client import Client
from terrazul.wire.deletion import Deletion, DeletionPreview, DeletionState, Selection


def _hindrances(found: Any) -> str:
    return text([f"{each['type']} {each['id']} {each['reason']}" for each in found])


_PREVIEW = (
    Column("experiments", "experiments"),
    Column("runs", "runs"),
    Column("model versions", "models"),
    Column("files", "files"),
    Column("frees", "bytes", size),
    Column("stays, used elsewhere", "shared_bytes", size),
    Column("what", "things"),
    Column("note", "kept"),
    Column("hindered by", "hindrances", _hindrances),
)
_DONE = (
    Column("deletion", "deletion_id"),
    Column("state", "state"),
    Column("experiments", "experiments"),
    Column("runs", "runs"),
    Column("model versions", "models"),
    Column("files", "files"),
    Column("freed", "freed_bytes", size),
)
_PATIENCE_SECONDS = 1.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """What every verb that deletes takes."""
    parser.add_argument("--dry-run", action="store_true", help="Only show what would go, and how many bytes it frees.")
    parser.add_argument("--no-wait", action="store_true", help="Return at once; names are free, bytes follow.")
    parser.add_argument("-y", "--yes", action="store_true", help="Do not ask.")


def carry_out(
    arguments: argparse.Namespace, client: Client, selection: Selection, what: str, *, several: bool = False
) -> int:
    """Show what goes, ask, delete, and show what came of it; ``what`` is in the question, ``several`` its number."""
    found = deletion.preview(client, selection)
    if arguments.dry_run:
        show(arguments, found, _PREVIEW)
        return ExitCode.GOOD
    for hindrance in found.hindrances:
        message = f"The {hindrance.type} {hindrance.id} {hindrance.reason}, so nothing is deleted."
        raise Conflict(message, target=hindrance.id, hint=hindrance.hint)
    if not arguments.yes:
        _tell(found)
    confirm(f"Delete {what} for good?", yes=arguments.yes)
    line = _Line()
    try:
        done = deletion.delete(client, selection, not arguments.no_wait, line.tell)
    finally:
        line.close()
    show(arguments, done, _DONE)
    note(f"{what[:1].upper()}{what[1:]} {'are' if several else 'is'} deleted.")
    later = found.bytes - done.freed_bytes
    if later > 0 and done.state is DeletionState.DONE and is_for_people(arguments):
        note(f"{size(later)} more go within the hour: a client was told a short while ago that they are here.")
    return ExitCode.GOOD


def _tell(found: DeletionPreview) -> None:
    counts = ((found.experiments, "experiment"), (found.runs, "run"), (found.models, "model version"))
    told = [plural(number, noun) for number, noun in counts if number] + [plural(found.files, "file")]
    note(f"{', '.join(told)}; {size(found.bytes)} will be free, {size(found.shared_bytes)} are used elsewhere too.")
    for sentence in found.kept:
        note(printable(sentence))


class _Line:
    """One line on a terminal that tells how far a deletion is; silent for short ones and in files."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._shown = False

    def tell(self, done: Deletion) -> None:
        """So far it is."""
        if not sys.stderr.isatty() or time.monotonic() - self._started < _PATIENCE_SECONDS:
            return
        self._shown = True
        gone = f"{done.runs - done.runs_left} of {plural(done.runs, 'run')} removed"
        told = gone if done.state is DeletionState.REMOVING else f"{size(done.freed_bytes)} freed"
        sys.stderr.write(f"\r\x1b[K{told}")
        sys.stderr.flush()

    def close(self) -> None:
        """Take the line away."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def seconds_of(given: Optional[str]) -> Any:
    """``90s``, ``15m``, ``12h``, ``30d`` or ``4w`` of an option as seconds."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
    number, unit = (given or "")[:-1], (given or "")[-1:]
    if unit not in units or not number.isascii() or not number.isdigit():
        message = f"{given!r} is not a span of time such as 30d (s, m, h, d, w)"
        raise argparse.ArgumentTypeError(message)
    return int(number) * units[unit]
