"""``terrazul dataset profile``, ``schema`` and ``diff``: what tables hold, and how two versions differ."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import closing
from typing import Any, Dict

from terrazul.cli.command import Subparsers, add_verb, workspace_options
from terrazul.cli.dataset_choice import add_verb_on_version, find
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import Column, is_for_people, note, show
from terrazul.cli.wording import NOTHING, plural, text
from terrazul.cli.workspace_choice import choose
from terrazul.core.errors import NotATable, NotFound
from terrazul.sdk.dataset.dataset import Dataset as SdkDataset
from terrazul.sdk.dataset.dataset_difference import lines_of
from terrazul.sdk.dataset.dataset_profile import DatasetProfile, about, sketch
from terrazul.sdk.dataset.profile_run import DatasetProfileRunConfig
from terrazul.sdk.experiment import Experiment
from terrazul.wire.codec import from_plain
from terrazul.wire.dataset import TABULAR
from terrazul.wire.dataset_profile import ColumnProfile

_EXPERIMENT = "dataset-profiles"
_BAR = 20
_PATIENCE_SECONDS = 1.0


def _column_of(row: Dict[str, Any]) -> ColumnProfile:
    return from_plain(ColumnProfile, row)


def _values(row: Dict[str, Any]) -> str:
    return text(sketch(_column_of(row)))


def _quantile(part: str) -> Column:
    return Column(f"{float(part):.0%}", "", lambda row: text(row["quantiles"].get(part)))


def _missing(row: Dict[str, Any]) -> str:
    return f"{row['missing'] / row['count']:.1%}" if row["missing"] else NOTHING


_COLUMNS = (
    Column("column", "name"),
    Column("kind", "kind"),
    Column("missing", "", _missing),
    Column("distinct", "", lambda row: about(_column_of(row))),
    Column("min", "minimum"),
    *map(_quantile, ("0.25", "0.5", "0.75")),
    Column("max", "maximum"),
    Column("mean", "mean"),
    Column("std", "standard_deviation"),
    Column("values", "", _values),
)
_SCHEMA = (Column("column", "name"), Column("type", "type"))


def add_verbs(verbs: Subparsers) -> None:
    """Add the parsers of the verbs."""
    add_verb_on_version(verbs, "schema", _schema, "Show the columns of a table and their types.")
    profile = add_verb_on_version(verbs, "profile", _profile, "Show what each column of a table holds.")
    profile.add_argument("--refresh", action="store_true", help="Look at all rows again, also if nothing has changed.")
    profile.add_argument("--compute", metavar="NAME", help="Have a run look at the rows, on this compute target.")
    profile.add_argument(
        "--experiment", metavar="NAME", default=_EXPERIMENT, help=f"Of that run. Default: {_EXPERIMENT}."
    )
    difference = add_verb(
        verbs,
        "diff",
        _diff,
        "Show how two versions of a table differ: columns, rows, files, and what has moved.",
        example="terrazul dataset diff sales 1 2 --key id",
    )
    difference.add_argument("name", metavar="DATASET", help="Its name.")
    difference.add_argument("before", metavar="VERSION", type=int, help="The earlier version.")
    difference.add_argument("after", metavar="VERSION", type=int, help="The later version.")
    difference.add_argument(
        "--key", metavar="COLUMN", action="append", help="A column that tells rows apart. May stand several times."
    )
    workspace_options(difference)


def _schema(arguments: argparse.Namespace) -> int:
    found = _table(find(arguments)).schema()
    show(arguments, [{"name": name, "type": str(kind)} for name, kind in found.items()], _SCHEMA)
    return ExitCode.GOOD


def _profile(arguments: argparse.Namespace) -> int:
    dataset = _table(find(arguments))
    if arguments.compute:
        found = _by_run(arguments, dataset)
    else:
        found = None if arguments.refresh else _kept(dataset)
        if found is None:
            with closing(_ColumnProgress()) as progress:
                found = dataset.make_profile(progress=progress.tell)
    if not is_for_people(arguments):
        show(arguments, found.to_dict())
        return ExitCode.GOOD
    note(f"{plural(found.row_count, 'row')}, {plural(len(found.columns), 'column')}.")
    show(arguments, found.facts.columns, _COLUMNS, nothing="It has no columns.")
    for warning in found.facts.warnings:
        note(text(warning))
    return ExitCode.GOOD


def _kept(dataset: Any) -> Any:
    """The profile that the workspace keeps; None where there is none, or the files have changed since."""
    try:
        found: DatasetProfile = dataset.get_profile()
    except NotFound:
        return None
    if found.is_stale():
        note("The data has changed since the last profile was made, so it is made again.")
        return None
    return found


def _by_run(arguments: argparse.Namespace, dataset: Any) -> Any:
    experiment = Experiment(choose(arguments), arguments.experiment)
    run = DatasetProfileRunConfig(dataset, arguments.compute).submit_to(experiment)
    note(f"The run {run.id} looks at the rows.")
    return run.get_profile()


def _diff(arguments: argparse.Namespace) -> int:
    workspace = choose(arguments)
    before, after = (
        _table(SdkDataset.get_by_name(workspace, arguments.name, version))
        for version in (arguments.before, arguments.after)
    )
    with closing(_ColumnProgress()) as progress:
        found = before.compare(after, arguments.key, progress.tell)
    if not is_for_people(arguments):
        show(arguments, found.to_dict())
        return ExitCode.GOOD
    for line in lines_of(found):
        print(text(line))
    return ExitCode.GOOD


def _table(dataset: Any) -> Any:
    """The dataset. Raises ``NotATable`` for one of files."""
    if dataset.definition.type != TABULAR:
        message = f"{dataset.name!r} is a dataset of files, which have no columns."
        raise NotATable(message, target=dataset.name, hint="`terrazul dataset head` lists its files.")
    return dataset


class _ColumnProgress:
    """One line on a terminal that tells how many columns are done; silent where it does not take long, and in files."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._is_shown = False

    def close(self) -> None:
        """Take the line away."""
        if self._is_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def tell(self, done: int, total: int) -> None:
        """So many columns of so many are done."""
        if not sys.stderr.isatty() or time.monotonic() - self._started < _PATIENCE_SECONDS:
            return
        full = done * _BAR // max(total, 1)
        sys.stderr.write(f"\r\x1b[K{'█' * full}{'░' * (_BAR - full)} {done} of {total} columns")
        sys.stderr.flush()
        self._is_shown = True
