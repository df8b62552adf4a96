"""``terrazul run submit-script`` and ``monitor-logs``: sending a script off, and following it."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Iterator

from terrazul.cli.command import Subparsers, UsageError, add_verb, workspace_options
from terrazul.cli.deletion import seconds_of
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import Column, is_for_people, note, show, tell_error
from terrazul.cli.run_choice import address_of, run_id_of
from terrazul.cli.workspace_choice import choose
from terrazul.core.errors import ActivityFailedException, ExperimentExecutionException
from terrazul.wire.run import Run, RunError, RunState

if TYPE_CHECKING:
    from terrazul.sdk import run as sdk
    from terrazul.sdk.run_configuration import RunConfiguration
    from terrazul.sdk.workspace import Workspace

SUBMITTED = (Column("run", "run_id"), Column("experiment", "experiment_name"), Column("state", "state"))
_DESCRIPTION = """\
Submit a script and follow it. Everything in the source directory is taken along (see .amlignore); the script, and what
stands behind it, may also come from the run configuration. The exit code is 1 where the run did not complete."""


def add_parser(verbs: Subparsers) -> None:
    """The parser of ``submit-script``."""
    parser = add_verb(
        verbs,
        "submit-script",
        submit_script,
        _DESCRIPTION,
        example="terrazul run submit-script -e diabetes -d conda.yml train.py --alpha 0.5",
    )
    parser.add_argument("-e", "--experiment-name", metavar="NAME", help="Experiment. Default: the folder's name.")
    parser.add_argument(
        "-c", "--run-configuration-name", metavar="NAME", help="A .runconfig file of the folder, or a path to one."
    )
    parser.add_argument("-d", "--conda-dependencies", metavar="FILE", help="Conda file of the environment.")
    parser.add_argument("--ct", "--target", dest="target", metavar="NAME", help="Compute target. Default: local.")
    parser.add_argument(
        "--priority",
        type=int,
        metavar="NUMBER",
        help="-1000 to 1000: runs of a higher one begin first. Above 0 is for Owners and Contributors. Default: 0.",
    )
    parser.add_argument(
        "--hold-on-failure",
        metavar="TIME",
        type=seconds_of,
        help="Where the script fails, keep its node and folder so long (such as 1h) for `terrazul run shell`.",
    )
    parser.add_argument("--source-directory", metavar="FOLDER", help="What is taken along. Default: --path.")
    parser.add_argument("-t", "--output-metadata-file", metavar="FILE", help="Write a JSON file that names the run.")
    parser.add_argument("--async", dest="leave", action="store_true", help="Return at once instead of following.")
    workspace_options(parser)
    parser.add_argument("script", nargs="?", metavar="SCRIPT", help="The script, as seen from the source directory.")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGUMENT", help="What the script is given.")


def submit_script(arguments: argparse.Namespace) -> int:
    """Submit, and follow unless told otherwise."""
    from terrazul.sdk.experiment import Experiment  # noqa: PLC0415  # only this verb needs what it brings along
    from terrazul.sdk.script_run_config import ScriptRunConfig  # noqa: PLC0415  # as above

    folder = Path(arguments.source_directory or arguments.path)
    if not folder.is_dir():
        message = f"The source directory {folder} is not a folder."
        raise UsageError(message, hint="Name the folder with --source-directory, and the script after all options.")
    configuration = _configuration(arguments)
    workspace = choose(arguments)
    source = ScriptRunConfig(
        str(folder), script=arguments.script, arguments=arguments.arguments or None, run_config=configuration
    )
    name = arguments.experiment_name or folder.resolve().name
    with _standard_output_to_error():
        run = Experiment(workspace, name).submit(source)
    if arguments.output_metadata_file:
        _write_metadata(Path(arguments.output_metadata_file), run.id, name)
    if arguments.leave:
        note(f"Submitted. To follow it: terrazul run monitor-logs {run.id}")
        show(arguments, _told(workspace, run.id), SUBMITTED)
        return ExitCode.GOOD
    return follow(arguments, workspace, run)


def monitor_logs(arguments: argparse.Namespace) -> int:
    """Follow a run that was submitted before."""
    run_id, workspace = run_id_of(arguments), choose(arguments)
    return follow(arguments, workspace, workspace.get_run(run_id))


def _configuration(arguments: argparse.Namespace) -> RunConfiguration:
    from terrazul.sdk.conda_dependencies import CondaDependencies  # noqa: PLC0415  # only for submitting
    from terrazul.sdk.run_configuration import RunConfiguration  # noqa: PLC0415  # as above

    name = arguments.run_configuration_name
    if not name:
        configuration = RunConfiguration()
    elif Path(name).is_file():
        configuration = RunConfiguration.load(name)
    else:
        configuration = RunConfiguration.load(arguments.path, name)
    if arguments.conda_dependencies:
        python = configuration.environment.python
        python.conda_dependencies = CondaDependencies(arguments.conda_dependencies)
        python.user_managed_dependencies = False
    if arguments.target:
        configuration.target = arguments.target
    if arguments.hold_on_failure is not None:
        configuration.hold_on_failure_seconds = arguments.hold_on_failure
    if arguments.priority is not None:
        configuration.priority = arguments.priority
    if not (arguments.script or configuration.script or configuration.command):
        message = "No script is named."
        raise UsageError(message, hint="terrazul run submit-script [options] SCRIPT [ARGUMENT ...]")
    return configuration


def follow(arguments: argparse.Namespace, workspace: Workspace, run: sdk.Run) -> int:
    """Show the logs of a run until it ends; the exit code."""
    people = is_for_people(arguments)
    try:
        with contextlib.nullcontext() if people else _standard_output_to_error():
            run.wait_for_completion(show_output=True, raise_on_error=False)
    except (KeyboardInterrupt, ExperimentExecutionException):
        note(
            f"\nNot followed any more; the run goes on. terrazul run monitor-logs {run.id} follows it again, "
            f"terrazul run cancel {run.id} ends it."
        )
        return ExitCode.INTERRUPTED
    ended = _told(workspace, run.id)
    if not people:
        show(arguments, ended)
    if ended.held_until:
        note(f"Its node and folder are held. To look inside: terrazul run shell {run.id}")
    if ended.error:
        tell_error(ActivityFailedException(failure_of(ended.error)))
    return ExitCode.GOOD if ended.state is RunState.COMPLETED else ExitCode.FAILED


def failure_of(error: RunError) -> str:
    """Why a run failed, what to do, and where to look."""
    place = f"{error.log_path}, line {error.log_line}" if error.log_line else error.log_path
    said = "" if error.hint or error.last_error_line in error.message else error.last_error_line
    return " ".join(filter(None, [error.message, error.hint or said, place and f"See {place}."]))


def _told(workspace: Workspace, run_id: str) -> Run:
    return workspace.client.get(Run, address_of(run_id))


def _write_metadata(file: Path, run_id: str, experiment: str) -> None:
    """The file with which v1's later steps (registering a model) find the run."""
    file.write_text(json.dumps({"experimentName": experiment, "runId": run_id}, indent=2) + "\n", encoding="utf-8")


@contextlib.contextmanager
def _standard_output_to_error() -> Iterator[None]:
    """What is told on the way goes to standard error, so that the answer stands alone."""
    with contextlib.redirect_stdout(sys.stderr):
        yield
