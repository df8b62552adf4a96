"""``terrazul run``: finding, seeing, changing and ending runs."""

from __future__ import annotations

import argparse
import math
from typing import Any, Dict, List, Optional

from terrazul.cli import experiment, held_run, lineage, many_runs, submission
from terrazul.cli.command import Subparsers, add_group, add_verb, pair, workspace_options
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import Column, is_for_people, note, show
from terrazul.cli.run_choice import add_verb_on_run, address_of, run_id_of
from terrazul.cli.wording import duration, instant, moment, plural, printable, text
from terrazul.cli.workspace_choice import choose
from terrazul.core import clock
from terrazul.core.errors import from_code
from terrazul.core.ids import new_guid
from terrazul.sdk.client import Client
from terrazul.wire.codec import from_plain, to_plain
from terrazul.wire.lineage import Edge
from terrazul.wire.metric import MetricHistory, RunMetrics, from_json_value
from terrazul.wire.run import Run, RunError, RunEvent, RunInclusion, RunPage, RunSelection, RunState
from terrazul.wire.write import RunChange, WriteAnswer, WriteBatch

_PAGE = 500
_SECOND = 1_000_000


def _took(run: Dict[str, Any]) -> str:
    if not run["started_at"]:
        return text(None)
    end = clock.from_text(run["ended_at"]) if run["ended_at"] else clock.now()
    return duration((end - clock.from_text(run["started_at"])) / _SECOND)


def _failure(error: Any) -> str:
    return printable(submission.failure_of(from_plain(RunError, error)))


def _phases(phases: List[Dict[str, Any]]) -> str:
    return text([f"{printable(each['phase'])} {duration(each['seconds'] or 0.0)}" for each in phases])


_LIST = (
    Column("run", "run_id"),
    Column("name", "display_name"),
    Column("experiment", "experiment_name"),
    Column("state", "state"),
    Column("made", "created_at", moment),
    Column("took", "", _took),
)
_LINE = (
    Column("run", "run_id"),
    Column("experiment", "experiment_name"),
    Column("made by", "created_by"),
    Column("target", "target"),
    Column("place", "queue_position"),
    Column("waits because", "queue_reason"),
)
_SHOW = (
    Column("run", "run_id"),
    Column("name", "display_name"),
    Column("description", "description"),
    Column("experiment", "experiment_name"),
    Column("number", "number"),
    Column("state", "state"),
    Column("place in line", "queue_position"),
    Column("waits because", "queue_reason"),
    Column("does", "phase"),
    Column("failure", "error", _failure),
    Column("held until", "held_until", instant),
    Column("exit code", "error.exit_code"),
    Column("last line", "error.last_error_line"),
    Column("warnings", "warnings"),
    Column("target", "target"),
    Column("made", "created_at", moment),
    Column("made by", "created_by"),
    Column("started", "started_at", moment),
    Column("ended", "ended_at", moment),
    Column("archived", "archived_at", moment),
    Column("deleted", "deleted_at", moment),
    Column("took", "", _took),
    Column("phases", "phases", _phases),
    Column("parent", "parent_run_id"),
    Column("parameters", "parameters"),
    Column("tags", "tags"),
    Column("properties", "properties"),
    Column("snapshot", "snapshot_id"),
)
_METRICS = (
    Column("metric", "name"),
    Column("kind", "kind"),
    Column("points", "count"),
    Column("last", "last"),
    Column("least", "minimum"),
    Column("most", "maximum"),
)


def add_parser(subparsers: Subparsers) -> None:
    """The parsers of all verbs."""
    verbs = add_group(subparsers, "run", "Runs: submitting, following, finding and ending them.")
    submission.add_parser(verbs)
    _add_list(verbs)
    add_verb_on_run(verbs, "show", _show, "Show a run.")
    _add_update(verbs)
    add_verb_on_run(verbs, "cancel", _cancel, "Ask a run, and all below it, to end.")
    add_verb_on_run(
        verbs,
        "monitor-logs",
        submission.monitor_logs,
        "Show the log of a run as it grows, until it ends. The exit code is 1 where it did not complete.",
    )
    logs = add_verb_on_run(verbs, "download-logs", _download_logs, "Download the logs of a run.")
    logs.add_argument("-d", "--output-dir", metavar="FOLDER", default=".", help="Where to. Default: here.")
    metrics = add_verb_on_run(verbs, "metrics", _metrics, "Show what a run has measured.")
    metrics.add_argument("-n", "--name", metavar="NAME", help="Only this metric.")
    metrics.add_argument("--recursive", action="store_true", help="Also of the runs below it.")
    add_verb_on_run(verbs, "children", _children, "List the children of a run, newest first.")
    add_verb_on_run(
        verbs, "lineage", _lineage, "Show which datasets a run read and made, and the models that came of it."
    )
    many_runs.add_verbs(verbs)
    held_run.add_verbs(verbs)
    restore = add_verb_on_run(
        verbs, "restore-snapshot", _restore_snapshot, "Download the source directory of a run as a zip file."
    )
    restore.add_argument("-d", "--output-dir", metavar="FOLDER", default=".", help="Where to. Default: here.")


def _add_list(verbs: Subparsers) -> None:
    parser = add_verb(
        verbs,
        "list",
        _list,
        "List runs, newest first unless --order-by says otherwise.",
        example="terrazul run list -e diabetes --filter 'metric.r2 > 0.4' --order-by 'metric.r2 DESC'",
    )
    parser.add_argument("-e", "--experiment-name", metavar="NAME", help="Only those of this experiment.")
    parser.add_argument(
        "--last", type=int, default=20, metavar="NUMBER", help="How many at most; 0 for all. Default: 20."
    )
    parser.add_argument("--status", choices=[state.value for state in RunState], help="Only those in this state.")
    parser.add_argument("--tags", metavar="KEY[=VALUE]", nargs="+", help="Only those with these tags.")
    parser.add_argument("--properties", metavar="KEY[=VALUE]", nargs="+", help="Only those with these properties.")
    parser.add_argument("--parent-run-id", metavar="ID", help="Only the children of this run.")
    parser.add_argument(
        "--include-children", action="store_true", help="Children too, not only runs of the first level."
    )
    parser.add_argument(
        "--view",
        choices=[each.value for each in RunSelection],
        default="active",
        help="Which ones; deleted are those that `restore` brings back. Default: active.",
    )
    parser.add_argument(
        "--filter", metavar="TEXT", help="Only those that meet it: \"metric.acc > 0.9 AND NOT tag.team = 'a'\"."
    )
    parser.add_argument(
        "--order-by",
        metavar="FIELD",
        action="append",
        help="Sort by a field: 'metric.acc DESC'. May stand several times. Default: newest first.",
    )
    workspace_options(parser)


def _add_update(verbs: Subparsers) -> None:
    parser = add_verb_on_run(verbs, "update", _update, "Change the tags, the name or the description of a run.")
    parser.add_argument(
        "--add-tag", metavar="KEY[=VALUE]", action="append", type=pair, help="Set a tag. May stand several times."
    )
    parser.add_argument("--remove-tag", metavar="KEY", action="append", help="Remove a tag. May stand several times.")
    parser.add_argument("--display-name", metavar="TEXT", help="Its name in lists.")
    parser.add_argument("--description", metavar="TEXT", help="What it is about.")


def _list(arguments: argparse.Namespace) -> int:
    client = choose(arguments).client
    if arguments.experiment_name:
        experiment.find(client, arguments.experiment_name)
    query = {
        "experiment_name": arguments.experiment_name,
        "state": arguments.status,
        "tag": arguments.tags,
        "property": arguments.properties,
        "parent_run_id": arguments.parent_run_id,
        "include_children": arguments.include_children,
        "filter": arguments.filter,
        "order_by": arguments.order_by,
        "view": arguments.view,
    }
    runs, total = _collect(client, query, arguments.last)
    columns = _LINE if arguments.status == RunState.QUEUED.value else _LIST
    show(arguments, runs, columns, nothing="There are no such runs.")
    if len(runs) < total and is_for_people(arguments):
        note(f"{len(runs)} of {plural(total, 'run')}; --last 0 shows all.")
    return ExitCode.GOOD


def _collect(client: Client, query: Dict[str, Any], most: int) -> Any:
    """So many of the runs (0 for all), and how many there are."""
    runs: List[Run] = []
    page, total = None, 0
    include: Optional[str] = RunInclusion.TOTAL.value
    while True:
        limit = min(_PAGE, most - len(runs)) if most > 0 else _PAGE
        found = client.get(RunPage, "/runs", {**query, "limit": limit, "page": page, "include": include})
        total, include = found.total or total, None
        runs += found.runs
        page = found.next_page
        if page is None or (0 < most <= len(runs)):
            return runs, total


def _show(arguments: argparse.Namespace) -> int:
    run_id, client = run_id_of(arguments), choose(arguments).client
    run = to_plain(client.get(Run, address_of(run_id)))
    events = client.get(List[RunEvent], address_of(run_id, "events"))
    run["phases"] = [to_plain(event) for event in events if event.phase]
    show(arguments, run, _SHOW)
    return ExitCode.GOOD


def _update(arguments: argparse.Namespace) -> int:
    run_id, client = run_id_of(arguments), choose(arguments).client
    client.get(Run, address_of(run_id))
    change = RunChange(
        run_id,
        set_tags=dict(arguments.add_tag or []),
        remove_tags=arguments.remove_tag or [],
        display_name=arguments.display_name,
        description=arguments.description,
    )
    answer = client.post(WriteAnswer, "/writes", WriteBatch(new_guid(), 1, changes=[change]))
    for refusal in answer.refusals:
        raise from_code(refusal.code)(refusal.message, target=run_id)
    show(arguments, client.get(Run, address_of(run_id)), _SHOW)
    return ExitCode.GOOD


def _cancel(arguments: argparse.Namespace) -> int:
    show(arguments, choose(arguments).client.post(Run, address_of(run_id_of(arguments), "cancel")), _SHOW)
    return ExitCode.GOOD


def _children(arguments: argparse.Namespace) -> int:
    run_id, client = run_id_of(arguments), choose(arguments).client
    client.get(Run, address_of(run_id))
    runs, _total = _collect(client, {"parent_run_id": run_id}, 0)
    show(arguments, runs, _LIST, nothing="It has no children.")
    return ExitCode.GOOD


def _metrics(arguments: argparse.Namespace) -> int:
    run_id, client = run_id_of(arguments), choose(arguments).client
    query = {"name": arguments.name, "recursive": arguments.recursive}
    found = client.get(List[RunMetrics], address_of(run_id, "metrics"), query)
    rows = [_metric(history) for each in found for history in each.metrics]
    columns = (Column("run", "run_id"), *_METRICS) if arguments.recursive else _METRICS
    show(arguments, rows, columns, nothing="Nothing was measured.")
    return ExitCode.GOOD


def _metric(history: MetricHistory) -> Dict[str, Any]:
    values = [from_json_value(value) for value in history.values]
    numbers = [
        value for value in values if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    ]
    return {
        "run_id": history.run_id,
        "name": history.name,
        "kind": history.kind,
        "count": len(values),
        "last": _plain(values[-1]) if values else None,
        "minimum": min(numbers, default=None),
        "maximum": max(numbers, default=None),
        "values": [_plain(value) for value in values],
        "steps": history.steps,
        "times": [clock.to_text(time) for time in history.times],
    }


def _plain(value: Any) -> Any:
    """The value as JSON can say it: not-a-number and the infinities as words."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value


def _download_logs(arguments: argparse.Namespace) -> int:
    run = choose(arguments).get_run(run_id_of(arguments))
    files = run.get_all_logs(arguments.output_dir)
    show(arguments, files, nothing="It has no logs yet.")
    return ExitCode.GOOD


def _lineage(arguments: argparse.Namespace) -> int:
    client = choose(arguments).client
    edges = client.get(List[Edge], address_of(run_id_of(arguments), "lineage"))
    show(arguments, lineage.rows(edges), lineage.TABLE, nothing=lineage.NOTHING)
    return ExitCode.GOOD


def _restore_snapshot(arguments: argparse.Namespace) -> int:
    run = choose(arguments).get_run(run_id_of(arguments))
    show(arguments, run.restore_snapshot(path=arguments.output_dir))
    return ExitCode.GOOD
