"""``terrazul activity``."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import BinaryIO, ContextManager, Dict, Mapping, Optional, Tuple

from terrazul.cli.command import Subparsers, UsageError, add_group, add_verb, workspace_options
from terrazul.cli.deletion import seconds_of
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import Column, note, show
from terrazul.cli.wording import moment, plural
from terrazul.cli.workspace_choice import choose
from terrazul.core import clock
from terrazul.core.errors import MissingFile
from terrazul.sdk.activity import PATH, ActivityFilter, export_request, list_activity, verify_file
from terrazul.sdk.client import Client, connect
from terrazul.wire.activity import ActivityCheck

_MICROSECONDS = 1_000_000
_HASH_LENGTH = 64
_LIST = (
    Column("number", "sequence"),
    Column("when", "time", moment),
    Column("who", "user"),
    Column("from", "address"),
    Column("action", "action"),
    Column("change", "change"),
    Column("object", "object_type"),
    Column("id", "object_id"),
    Column("status", "status"),
    Column("times", "count"),
    Column("reason", "reason"),
)
_CHECK = (
    Column("lines", "lines"),
    Column("first", "first"),
    Column("last", "last"),
    Column("hash of the last", "last_hash"),
    Column("gaps", "gaps"),
    Column("broken at", "broken_at"),
    Column("problem", "problem"),
)


def add_parser(subparsers: Subparsers) -> None:
    """The parsers of all verbs."""
    verbs = add_group(subparsers, "activity", "The activity log: who did what, to which object, when, from where.")
    listing = add_verb(
        verbs,
        "list",
        _list,
        "List who did what, newest first.",
        example="terrazul activity list --since 7d --result refused",
    )
    _which(listing)
    listing.add_argument("--limit", type=int, default=50, metavar="N", help="At most so many lines. Default: 50.")

    export = add_verb(
        verbs,
        "export",
        _export,
        "Write the lines into a file, the oldest first.",
        example="terrazul activity export --all --file activity.jsonl",
        output=False,
    )
    _which(export)
    export.add_argument(
        "--form", choices=("jsonl", "csv"), default="jsonl", help="JSON Lines, which can be verified, or CSV."
    )
    export.add_argument("--file", metavar="FILE", help="Where to. Without it the lines are printed.")

    verify = add_verb(
        verbs,
        "verify",
        _verify,
        "Check that no line was changed, added or taken out since it was written. Of the server's whole log, or of a "
        "file that was exported, which needs no server.",
        example="terrazul activity verify --file activity.jsonl",
    )
    verify.add_argument("--file", metavar="FILE", help="An export in JSON Lines.")
    verify.add_argument(
        "--known",
        type=_known,
        metavar="NUMBER:HASH",
        help="A line's number and hash that were noted earlier: of a log that was cut off or written anew, only this "
        "tells.",
    )


def _which(parser: argparse.ArgumentParser) -> None:
    workspace_options(parser)
    parser.add_argument("--all", action="store_true", help="Of the whole installation, for administrators.")
    parser.add_argument(
        "--workspace-id", metavar="ID", help="Of this workspace, which may be deleted, for administrators."
    )
    parser.add_argument("--since", type=_time, metavar="TIME", help="From this time on: 2026-11-23, or 7d for a week.")
    parser.add_argument("--until", type=_time, metavar="TIME", help="Before this time.")
    parser.add_argument("--user", metavar="NAME", help="Of this user, and of runs that it started.")
    parser.add_argument("--action", metavar="TEXT", help="Actions that begin so: model/, or model/register.")
    parser.add_argument("--object-type", metavar="TEXT", help="About things of this kind: run, model, ...")
    parser.add_argument("--object-id", metavar="ID", help="About this thing.")
    parser.add_argument("--result", choices=("done", "refused", "failed"), help="What came of it.")


def _list(arguments: argparse.Namespace) -> int:
    if arguments.limit < 1:
        message = f"--limit is {arguments.limit}, and must be 1 or more."
        raise UsageError(message)
    client, more = _source(arguments)
    show(arguments, list_activity(client, _filter(arguments), arguments.limit, more), _LIST, "Nothing of that kind.")
    return ExitCode.GOOD


def _export(arguments: argparse.Namespace) -> int:
    client, more = _source(arguments)
    with client.open(export_request(_filter(arguments), arguments.form, more)) as answer, _target(arguments) as file:
        for chunk in answer.chunks():
            file.write(chunk)
    if arguments.file:
        note(f"Written to {arguments.file}.")
    return ExitCode.GOOD


def _verify(arguments: argparse.Namespace) -> int:
    known: Dict[int, str] = dict([arguments.known] if arguments.known else [])
    if arguments.file:
        found = _look_at(arguments.file, known)
    else:
        noted = [f"{number}:{text}" for number, text in known.items()]
        found = connect().get(ActivityCheck, f"{PATH}/verify", {"known": noted or None})
    show(arguments, found, _CHECK)
    if found.broken_at is not None:
        note(f"The log is broken at line {found.broken_at}: {found.problem}")
        return ExitCode.FAILED
    note(f"All {plural(found.lines, 'line')} are as they were written.")
    return ExitCode.GOOD


def _look_at(path: str, known: Mapping[int, str]) -> ActivityCheck:
    try:
        return verify_file(path, known)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise MissingFile(message, target=path) from error


def _source(arguments: argparse.Namespace) -> Tuple[Client, Mapping[str, Optional[str]]]:
    given = [arguments.workspace_name, arguments.workspace_id, arguments.all]
    if sum(map(bool, given)) > 1:
        message = "Of -w, --workspace-id and --all only one can be given."
        raise UsageError(message)
    if arguments.all or arguments.workspace_id:
        return connect(), {"workspace": arguments.workspace_id}
    return choose(arguments).client, {}


def _filter(arguments: argparse.Namespace) -> ActivityFilter:
    return ActivityFilter(
        arguments.since,
        arguments.until,
        arguments.user,
        arguments.action,
        arguments.object_type,
        arguments.object_id,
        arguments.result,
    )


def _target(arguments: argparse.Namespace) -> ContextManager[BinaryIO]:
    return Path(arguments.file).open("wb") if arguments.file else contextlib.nullcontext(sys.stdout.buffer)


def _time(given: str) -> str:
    with contextlib.suppress(argparse.ArgumentTypeError):
        return clock.to_text(clock.now() - seconds_of(given) * _MICROSECONDS)
    try:
        return clock.to_text(clock.from_text(given))
    except (ValueError, OverflowError):
        message = f"{given!r} is no time: write 2026-11-23, 2026-11-23T11:43:46Z, or 7d for a week ago (s, m, h, d, w)"
        raise argparse.ArgumentTypeError(message) from None


def _known(given: str) -> Tuple[int, str]:
    number, _, text = given.partition(":")
    if not (number.isascii() and number.isdigit() and len(text) == _HASH_LENGTH):
        message = f"{given!r} is not of the form NUMBER:HASH"
        raise argparse.ArgumentTypeError(message)
    return int(number), text
