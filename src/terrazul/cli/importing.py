"""``terrazul import``: bringing in what was recorded elsewhere."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Dict, Iterator

from terrazul.cli.command import Subparsers, add_group, add_verb, workspace_options
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import is_for_people, note, show
from terrazul.cli.wording import plural, printable, size
from terrazul.cli.workspace_choice import choose
from terrazul.importing.azureml.folder import AzuremlFolderSource
from terrazul.importing.delivery import deliver
from terrazul.importing.environment_delivery import deliver_environments
from terrazul.importing.findings import Count, Findings
from terrazul.importing.mlflow.opening import open_source

_KINDS = {
    "experiments": "experiment",
    "runs": "run",
    "metric_values": "metric value",
    "files": "file",
    "snapshots": "snapshot",
    "logged_models": "logged model",
    "models": "registered model",
    "model_versions": "model version",
    "environments": "environment version",
}
_SHOWN_PROBLEMS = 20


def add_parser(subparsers: Subparsers) -> None:
    """The parsers of the word and its verbs."""
    verbs = add_group(subparsers, "import", "Bring in what was recorded elsewhere; run again, nothing doubles.")
    mlflow = add_verb(
        verbs,
        "mlflow",
        _import_mlflow,
        "Bring in what MLflow has recorded, with run ids, times, files and version numbers. SOURCE is a folder mlruns, "
        "a database (a file of SQLite, sqlite:///FILE or postgresql://USER@HOST/NAME) or a tree of "
        "mlflow-export-import.",
        example="terrazul import mlflow ./mlruns --dry-run",
    )
    mlflow.add_argument("source", metavar="SOURCE", help="The folder, the file or the address.")
    mlflow.add_argument(
        "--artifacts",
        metavar="[ADDRESS=]FOLDER",
        action="append",
        default=[],
        help="Where files lie that are not where MLflow noted them. May stand several times.",
    )
    _add_options(mlflow)
    azureml = add_verb(
        verbs,
        "azureml",
        _import_azureml,
        "Bring in a v1 workspace that was saved into a folder, with run ids, times, files, snapshots and version "
        "numbers. `terrazul export-script` writes the program that saves it.",
        example="terrazul import azureml ./saved --dry-run",
    )
    azureml.add_argument("source", metavar="FOLDER", help="The folder that the program has written.")
    _add_options(azureml)


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="Write nothing; tell what would come, and what cannot.")
    workspace_options(parser)


def _import_mlflow(arguments: argparse.Namespace) -> int:
    source = open_source(arguments.source, arguments.artifacts)
    return _tell(arguments, deliver(choose(arguments).client, source, dry=arguments.dry_run, tell=note))


def _import_azureml(arguments: argparse.Namespace) -> int:
    source = AzuremlFolderSource(Path(arguments.source))
    client = choose(arguments).client
    deliver_environments(client, source.findings, source.environments(), dry=arguments.dry_run)
    return _tell(arguments, deliver(client, source, dry=arguments.dry_run, tell=note))


def _tell(arguments: argparse.Namespace, findings: Findings) -> int:
    if is_for_people(arguments):
        for line in _lines(findings, dry=arguments.dry_run):
            print(printable(line))
        if findings.problems:
            note(_summary_of_problems(findings))
    else:
        show(arguments, _plain(findings, dry=arguments.dry_run))
    return ExitCode.FAILED if findings.problems else ExitCode.GOOD


def _lines(findings: Findings, *, dry: bool) -> Iterator[str]:
    verb = "would come" if dry else "came"
    for name, noun in _KINDS.items():
        count: Count = getattr(findings, name)
        if count.found:
            here = f", {count.found - count.new} are here already" if count.new < count.found else ""
            yield f"{plural(count.new, noun)} {verb}{_beside(findings, name)}{here}."
    if not any(getattr(findings, name).found for name in _KINDS):
        yield "Nothing is there to come."
    for what, number in findings.left_out.items():
        yield f"Left out, since Terrazul has no place for them: {what} ({number})."
    for what, number in findings.waiting.items():
        yield f"Stays in the folder until Terrazul can take it: {what} ({number})."
    for problem in findings.problems[:_SHOWN_PROBLEMS]:
        yield f"  {problem.thing}: {problem.reason}"


def _beside(findings: Findings, name: str) -> str:
    """What more is to be said of things of a kind."""
    if name == "files":
        return f" ({size(findings.bytes.new)})"
    told = []
    if name == "runs" and findings.nested_runs.new:
        told.append(f"{findings.nested_runs.new} of them below others")
    if name == "runs" and findings.deleted_runs.new:
        told.append(f"{findings.deleted_runs.new} deleted as they are there")
    return f" ({', '.join(told)})" if told else ""


def _summary_of_problems(findings: Findings) -> str:
    count = len(findings.problems)
    more = count - _SHOWN_PROBLEMS
    rest = f", {more} of them not shown (-o json tells all)" if more > 0 else ""
    return f"{plural(count, 'problem')}{rest}; all else comes through. It may be run again."


def _plain(findings: Findings, *, dry: bool) -> Dict[str, Any]:
    counts = {name: vars(value) for name, value in vars(findings).items() if isinstance(value, Count)}
    told = {name: getattr(findings, name) for name in ("left_out", "waiting", "renamed")}
    return {"dry_run": dry, **counts, **told, "problems": [vars(each) for each in findings.problems]}
