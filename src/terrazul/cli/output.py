"""What a verb prints: a table for people, or JSON, YAML or tab-separated values for programs."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from typing import Any, Callable, Dict, List, NamedTuple, Sequence, TextIO

from terrazul.cli import wording
from terrazul.cli.command import UsageError
from terrazul.core.errors import TerrazulError
from terrazul.sdk import yaml_text
from terrazul.wire import codec

_GAP = "  "
_NARROWEST = 6
_COLOURS = {
    "ok": "32",
    "Completed": "32",
    "warning": "33",
    "CancelRequested": "33",
    "Canceled": "33",
    "error": "31",
    "Failed": "31",
    "Preparing": "36",
    "Starting": "36",
    "Running": "36",
    "Finalizing": "36",
}
_BOLD = "1"


class Column(NamedTuple):
    """One column of a table (or one line of the list that shows a single thing)."""

    title: str
    key: str
    """The name of the value in the answer, with dots on the way down; empty for the whole row."""
    wording: Callable[[Any], str] = wording.text


def show(arguments: argparse.Namespace, answer: Any, columns: Sequence[Column] = (), nothing: str = "") -> None:
    """Print an answer in the form that the command line asks for.

    ``answer`` is plain data or dataclasses of the wire. ``columns`` choose what people see of it; programs get
    everything. ``nothing`` is told to people instead of an empty table. Raises ``UsageError`` for a wrong ``--query``.
    """
    value = codec.to_plain(answer)
    if arguments.query:
        value, columns = _select(value, arguments.query), ()
    if arguments.output == "json":
        print(json.dumps(value, indent=2, ensure_ascii=False))
    elif arguments.output == "yaml":
        print(yaml_text.dump(value), end="")
    elif arguments.output == "tsv":
        for line in _tab_separated(value, columns):
            print(line)
    elif value == [] and nothing:
        print(nothing, file=sys.stderr)
    else:
        for line in _lines(value, columns):
            print(line)


def is_for_people(arguments: argparse.Namespace) -> bool:
    """Whether the answer is to be read by a person, and whole."""
    return arguments.output == "table" and not arguments.query


def note(sentence: str) -> None:
    """Tell a person something beside the answer."""
    print(sentence, file=sys.stderr)


def tell_error(error: TerrazulError) -> None:
    """Print an error as one short paragraph: what happened, and what to do next."""
    paragraph = " ".join(str(error).split("\n"))
    print(f"{paint('error:', '31', sys.stderr)} {wording.printable(paragraph)}", file=sys.stderr)


def paint(words: str, code: str, stream: TextIO) -> str:
    """The words in a colour, where the stream is a terminal that wants colours."""
    wanted = stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return f"\033[{code}m{words}\033[0m" if wanted and code else words


def paint_word(cell: str) -> str:
    """A cell of a table, in the colour of its word where it has one."""
    return paint(cell, _COLOURS.get(cell.strip(), ""), sys.stdout)


def _select(value: Any, expression: str) -> Any:
    try:
        import jmespath  # noqa: PLC0415  # an optional package
    except ImportError:
        message = "--query needs the package jmespath, which is not installed."
        raise TerrazulError(message, hint="Install it: pip install jmespath.") from None
    try:
        return jmespath.search(expression, value)
    except jmespath.exceptions.JMESPathError as error:
        reason = str(error).partition("\n")[0].rstrip(".: ")
        message = f"The query {expression!r} cannot be used: {reason}."
        raise UsageError(message, hint="See https://jmespath.org for its language.") from None


def _lines(value: Any, columns: Sequence[Column]) -> List[str]:
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        return _table(value, columns or _all_columns(value))
    if isinstance(value, dict):
        told = [column for column in columns if _get(value, column.key) not in (None, "", [], {})]
        return _listing(value, told or _all_columns([value]))
    if isinstance(value, list):
        return [wording.text(each) for each in value]
    return [] if value is None else [wording.text(value)]


def _table(rows: Sequence[Dict[str, Any]], columns: Sequence[Column]) -> List[str]:
    cells = [[column.wording(_get(row, column.key)) for column in columns] for row in rows]
    titles = [column.title for column in columns]
    widths = [max(map(wording.width, each)) for each in zip(titles, *cells)]
    if sys.stdout.isatty():
        widths = _fit(widths, shutil.get_terminal_size().columns)
    lines = [_row([paint(_pad(title, width), _BOLD, sys.stdout) for title, width in zip(titles, widths)])]
    for row in cells:
        padded = [_pad(wording.shorten(cell, width), width) for cell, width in zip(row, widths)]
        lines.append(_row([paint_word(cell) for cell in padded]))
    return lines


def _listing(value: Dict[str, Any], columns: Sequence[Column]) -> List[str]:
    lines = [(column.title, column.wording(_get(value, column.key))) for column in columns]
    width = max((wording.width(title) for title, _cell in lines), default=0)
    return [_row([paint(_pad(title, width), _BOLD, sys.stdout), paint_word(cell)]) for title, cell in lines]


def _tab_separated(value: Any, columns: Sequence[Column]) -> List[str]:
    rows = value if isinstance(value, list) else [] if value is None else [value]
    lines = []
    for row in rows:
        cells = row
        if isinstance(row, dict):
            cells = [_get(row, column.key) for column in columns] if columns else list(row.values())
        lines.append("\t".join(map(_raw, cells if isinstance(cells, list) else [cells])))
    return lines


def _raw(value: Any) -> str:
    if isinstance(value, str):
        return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _all_columns(rows: Sequence[Dict[str, Any]]) -> List[Column]:
    names = dict.fromkeys(name for row in rows for name in row)
    return [Column(name.replace("_", " "), name) for name in names]


def _get(row: Dict[str, Any], key: str) -> Any:
    if key in row or not key:
        return row[key] if key else row
    value: Any = row
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _fit(widths: List[int], room: int) -> List[int]:
    """The widths, with the widest taken from until the row fits the terminal."""
    widths = list(widths)
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - room
    while excess > 0 and max(widths) > _NARROWEST:
        widest = widths.index(max(widths))
        widths[widest] -= 1
        excess -= 1
    return widths


def _pad(cell: str, width: int) -> str:
    return cell + " " * (width - wording.width(cell))


def _row(cells: Sequence[str]) -> str:
    return _GAP.join(cells).rstrip()
