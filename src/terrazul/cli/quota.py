"""``terrazul workspace quota``."""

from __future__ import annotations

import argparse
import re
from typing import Any, Callable, Dict, Optional

from terrazul.cli.command import Subparsers, UsageError, add_group, add_verb, workspace_options
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import Column, show
from terrazul.cli.wording import NOTHING, size
from terrazul.cli.workspace_choice import choose

_UNITS = {"": 1, "b": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}
_UNITS.update({"kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12})
_SIZE = re.compile(r"(\d{1,15})\s*([a-z]*)", re.IGNORECASE | re.ASCII)
_DEFAULT = "default"
_LIMIT_WORDS = "0 for no limit, `default` for what the server's settings say."


def _of(used: str, limit: str, wording: Callable[[Any], str] = str) -> Callable[[Dict[str, Any]], str]:
    """Words for what is used of a limit."""

    def words(quota: Dict[str, Any]) -> str:
        most = quota["limits"][limit]
        return f"{wording(quota[used])} of {wording(most)}" if most else f"{wording(quota[used])}, without limit"

    return words


def _most(limit: str) -> Callable[[Dict[str, Any]], str]:
    return lambda quota: str(quota["limits"][limit] or NOTHING)


def _users(users: Any) -> str:
    return "; ".join(f"{each['user']}: {each['running']} executed, {each['waiting']} waiting" for each in users)


_QUOTA = (
    Column("storage", "", _of("storage_bytes", "storage_bytes", size)),
    Column("runs at once", "", _of("running", "concurrent_runs")),
    Column("runs that wait", "waiting", str),
    Column("nodes of clusters", "", _of("compute_nodes", "compute_nodes")),
    Column("most at once of a user", "", _most("running_per_user")),
    Column("most waiting of a user", "", _most("waiting_per_user")),
    Column("users", "users", _users),
)


def add_verbs(verbs: Subparsers) -> None:
    """The parsers of both verbs, below ``workspace``."""
    below = add_group(verbs, "quota", "How much a workspace may use, and how much it does.")
    workspace_options(add_verb(below, "show", _show, "Show what a workspace may use, and does use."))
    change = add_verb(
        below,
        "set",
        _set,
        "Change the limits of a workspace (administrators). What is not named stays.",
        example="terrazul workspace quota set -w research --storage 200GiB --concurrent-runs 4",
    )
    change.add_argument("--storage", metavar="SIZE", help=f"Bytes of files, also as 500MB or 20GiB; {_LIMIT_WORDS}")
    for name, what in (
        ("--concurrent-runs", "Submitted runs that are executed at once"),
        ("--running-per-user", "The same, of one user"),
        ("--waiting-per-user", "Runs of one user that wait in the queue"),
        ("--compute-nodes", "Nodes of all clusters together"),
    ):
        change.add_argument(name, metavar="NUMBER", help=f"{what}; {_LIMIT_WORDS}")
    workspace_options(change)


def _show(arguments: argparse.Namespace) -> int:
    show(arguments, choose(arguments).quota(), _QUOTA)
    return ExitCode.GOOD


def _set(arguments: argparse.Namespace) -> int:
    changes = {
        "storage_bytes": _bytes(arguments.storage),
        "concurrent_runs": _number("--concurrent-runs", arguments.concurrent_runs),
        "running_per_user": _number("--running-per-user", arguments.running_per_user),
        "waiting_per_user": _number("--waiting-per-user", arguments.waiting_per_user),
        "compute_nodes": _number("--compute-nodes", arguments.compute_nodes),
    }
    given = {name: value for name, value in changes.items() if value is not None}
    if not given:
        message = "No limit is named."
        raise UsageError(message, hint="See `terrazul workspace quota set --help`.")
    show(arguments, choose(arguments).set_quota(**given), _QUOTA)
    return ExitCode.GOOD


def _bytes(text: Optional[str]) -> Any:
    if text is None or text == _DEFAULT:
        return text
    found = _SIZE.fullmatch(text.strip())
    if not found or found[2].lower() not in _UNITS:
        message = f"--storage is {text!r}, which is no size."
        raise UsageError(message, hint="Write 0, 500MB, 20GiB, or `default`.")
    return int(found[1]) * _UNITS[found[2].lower()]


def _number(option: str, text: Optional[str]) -> Any:
    if text is None or text == _DEFAULT:
        return text
    if not (text.isdecimal() and text.isascii()):
        message = f"{option} is {text!r}, which is no number."
        raise UsageError(message, hint="Write a whole number, 0 for no limit, or `default`.")
    return int(text)
