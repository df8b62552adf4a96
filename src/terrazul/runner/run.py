"""One run from its job to its end: the order of the phases."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Mapping, Protocol, Sequence

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import Conflict, TerrazulError, UserErrorException
from terrazul.node import process, sdk_path
from terrazul.node.connection import persist
from terrazul.node.environment import plan, ready, use
from terrazul.node.log import TimedLog
from terrazul.node.phase import Phases
from terrazul.node.stop import Stop, Stopped, StopReason
from terrazul.runner import command, snapshot, variables
from terrazul.runner.data.place import Place, fill_in
from terrazul.runner.data.place import variables as data_variables
from terrazul.runner.folder import BUILD_LOG, FINISH_LOG, PREPARATION_LOG, SCRIPT_LOG, RunFolder, log_name
from terrazul.runner.gang import Gang
from terrazul.runner.heartbeat import Pulse
from terrazul.runner.link import Link
from terrazul.runner.process import Script
from terrazul.runner.relay import Relay
from terrazul.runner.route import run_path
from terrazul.runner.spool import Spool
from terrazul.wire.distribution import distribution_of
from terrazul.wire.job import MEMBER_VARIABLE, Job
from terrazul.wire.run import RunError, RunState

if TYPE_CHECKING:
    from terrazul.runner.data.run_data import RunData

_USAGE = "usage: python -I -m terrazul.runner [--deliver] <folder of the attempt>"
_DELIVERED, _NOT_DELIVERED, _MISUSED = 0, 1, 2
_COUNTED_BYTES = 1 << 28


def main(arguments: Sequence[str]) -> int:
    """Execute the run of a folder, or deliver what its killed runner left; returns the exit code of the process.

    0: the server has everything; 1: the run was taken away from this runner; 2: there is nothing to execute here.
    """
    options = [argument for argument in arguments if argument.startswith("-")]
    folders = [argument for argument in arguments if not argument.startswith("-")]
    if options not in ([], ["--deliver"]) or len(folders) != 1:
        sys.stderr.write(_USAGE + "\n")
        return _MISUSED
    umask = os.umask(0o077)
    folder = RunFolder(Path(folders[0]))
    try:
        job = folder.read_job()
        with folder.owned():
            delivered = deliver(job, folder) if options else execute(job, folder, umask)
    except TerrazulError as problem:
        sys.stderr.write(f"{problem}\n")
        return _MISUSED
    return _DELIVERED if delivered else _NOT_DELIVERED


def execute(job: Job, folder: RunFolder, umask: int) -> bool:
    """Execute the run; true when the server has everything, however the run ended.

    Raises ``Conflict`` where the folder's run has been executed before.
    """
    stop = Stop()
    folder.prepare()
    link = Link(job, folder, stop)
    if link.journal.end:
        raise Conflict(f"The run in {folder.root} has been executed.", hint="Deliver what it left with --deliver.")
    stop.listen_to_signals()
    process.adopt_descendants()
    link.start()
    phases = Phases(link.writer.phase)
    gang = Gang(job, stop)
    pulse = _pulse(job, link, lambda: phases.current, stop, gang)
    gang.beat = _pulse(job, link, lambda: phases.current, stop, gang).beat
    pulse.start()
    _execution(job, folder, link, phases, stop, umask, gang).carry_out()
    return _finish(job, folder, link, pulse, gang)


def _pulse(job: Job, link: Link, current_phase: Callable[[], str], stop: Stop, gang: Gang) -> Pulse:
    """A pulse with a connection of its own."""
    return Pulse(link.connect(), f"{run_path(job)}/heartbeat", job.attempt, current_phase, stop, gang)


def _execution(
    job: Job, folder: RunFolder, link: Link, phases: Phases, stop: Stop, umask: int, gang: Gang
) -> Execution:
    if distribution_of(job.definition).is_plain:
        return Execution(job, folder, link, phases, stop, umask)
    from terrazul.runner.distributed.execution import MemberExecution  # noqa: PLC0415  # most runs have one process

    return MemberExecution(job, folder, link, phases, stop, umask, gang)


def _finish(job: Job, folder: RunFolder, link: Link, pulse: Pulse, gang: Gang) -> bool:
    """Wait until the server has everything; false where the run was taken away."""
    keeps = _is_held(job, link, gang)
    delivered = link.finish()
    if delivered and not job.is_head:
        gang.be_done()
    pulse.end()
    if delivered:
        folder.mark_delivered(keeps=keeps)
    return delivered


def deliver(job: Job, folder: RunFolder) -> bool:
    """Send what a killed runner left, after ending what it left running; true when the server has everything."""
    if folder.delivered:
        return True
    from terrazul.node import descendants  # noqa: PLC0415  # psutil costs as much as the rest of the start

    marks = {"AZUREML_WORKSPACE_ID": job.workspace_id, "AZUREML_RUN_ID": job.run_id}
    if job.node_count > 1:
        marks[MEMBER_VARIABLE] = str(job.member)
    descendants.end_strays(marks)
    folder.prepare()
    stop = Stop()
    gang = Gang(job, stop)
    gang.leave()
    link = Link(job, folder, stop, resuming=True)
    for log in folder.script_logs():
        link.logs.watch(log, folder.log(log))
    link.watch_folders()
    link.start()
    pulse = _pulse(job, link, lambda: "deliver", stop, gang)
    persist(pulse.beat, Stop())
    gang.beat = _pulse(job, link, lambda: "deliver", stop, gang).beat
    pulse.start()
    if not link.journal.ended:
        _end_in_place_of_runner(job, folder, link, stop, gang)
    return _finish(job, folder, link, pulse, gang)


def _is_held(job: Job, link: Link, gang: Gang) -> bool:
    """Whether the folder is kept for a look inside: the run has failed, and that was asked for."""
    failed = RunState.FAILED in link.journal.end_states() or gang.first_error is not None
    return job.definition.hold_on_failure_seconds > 0 and failed


def _end_in_place_of_runner(job: Job, folder: RunFolder, link: Link, stop: Stop, gang: Gang) -> None:
    error = RunError(
        "The runner was killed before the run had ended.",
        code="SystemError",
        log_path=log_name(FINISH_LOG, job),
        hint="Submit the run again; if it happens again, look for what ends processes on the compute.",
    )
    if gang.size > 1:
        error = replace(error, message=f"The runner of node {job.member} was killed before the run had ended.")
    gang.end(error, is_lost=True)
    TimedLog(folder.log(FINISH_LOG)).line("the runner was killed; what it left is delivered")
    collection = link.collect()
    data = _data_of(job, folder, link, stop)
    if data is not None:
        data.take_in_place_of_runner(TimedLog(folder.log(FINISH_LOG)))
    link.writer.warn(f"The runner was killed: the outputs ({collection}) may be partial.")
    if job.is_head:
        with suppress(Stopped):
            gang.wait_for_others()
    if stop.reason is StopReason.CANCELED:
        link.writer.end(RunState.CANCELED)
        return
    link.writer.end(RunState.FAILED, gang.first_error)


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    state: RunState
    error: RunError | None = None


class Started(Protocol):
    """What has been started of a script."""

    def wait(self, stop: Stop, limit_seconds: float | None) -> int:
        """Wait for its end; returns its exit code. Raises ``Stopped`` when there is the order to stop."""


class Execution:
    """The phases of one run."""

    def __init__(self, job: Job, folder: RunFolder, link: Link, phases: Phases, stop: Stop, umask: int) -> None:
        self._job = job
        self._folder = folder
        self._link = link
        self._phases = phases
        self._stop = stop
        self._umask = umask
        self._preparation = TimedLog(folder.log(PREPARATION_LOG))
        self._finish = TimedLog(folder.log(FINISH_LOG))
        self._look_in = PREPARATION_LOG
        self._data = _data_of(job, folder, link, stop)

    def carry_out(self) -> None:
        """Go through all phases, and put the end of the run into the journal, unless another attempt has taken over."""
        outcome = self._concluded(self._outcome_of(self._run_script))
        if self._data is not None:
            self._data.unmount()
        left_behind = process.end_descendants()
        self._look_in = FINISH_LOG
        self._finish.line(f"the script is over: {outcome.state.value}")
        for line in left_behind:
            self._finish.line(f"ended with it: {line}")
        outcome = self._unless_failed(outcome, self._collect)
        outcome = self._final(self._unless_failed(outcome, self._settle))
        outcome = self._final(self._unless_failed(outcome, partial(self._take_data, outcome)))
        if self._stop.reason is not StopReason.FENCED:
            self._finish.line(f"the run is over: {outcome.state.value}")
            self._link.writer.end(outcome.state, outcome.error)

    def _concluded(self, outcome: Outcome) -> Outcome:
        """What is to be done at once when the script is over; its outcome."""
        return outcome

    def _settle(self) -> None:
        """What is to be waited for, before data is registered and the run ends."""

    def _final(self, outcome: Outcome) -> Outcome:
        """How the run ends."""
        return outcome

    def _unless_failed(self, outcome: Outcome, work: Callable[[], RunError | None]) -> Outcome:
        """Do a work in any case; what comes of it counts where nothing has gone wrong before."""
        afterwards = self._outcome_of(work)
        return afterwards if outcome.state is RunState.COMPLETED else outcome

    def _outcome_of(self, work: Callable[[], RunError | None]) -> Outcome:
        try:
            error = work()
        except Stopped:
            return self._outcome_of_stop()
        except TerrazulError as problem:
            error = self._error_of(problem)
        except Exception as problem:  # noqa: BLE001  # the edge of the process: whatever it is, the run must end and say so
            self._finish.line(traceback.format_exc())
            error = RunError(f"The runner failed: {problem!r}.", code="SystemError", log_path=FINISH_LOG)
        return Outcome(RunState.FAILED if error else RunState.COMPLETED, error)

    def _outcome_of_stop(self) -> Outcome:
        if self._stop.reason is not StopReason.TOO_LONG:
            return Outcome(RunState.CANCELED)
        limit = self._job.definition.max_run_duration_seconds
        error = RunError(
            f"The run took longer than the {limit} s of its max_run_duration_seconds, and was ended.",
            log_path=SCRIPT_LOG,
            hint="Give the run configuration a longer max_run_duration_seconds.",
        )
        return Outcome(RunState.FAILED, error)

    def _error_of(self, problem: TerrazulError) -> RunError:
        code = "UserError" if isinstance(problem, UserErrorException) else "SystemError"
        return RunError(problem.message, code=code, log_path=self._look_in, hint=problem.hint or "")

    def _run_script(self) -> RunError | None:
        """From the snapshot to the script's end; gives the script's failure, if it is one."""
        self._link.writer.state(RunState.PREPARING)
        with self._phases.phase("prepare snapshot", self._preparation) as notes:
            notes.append(self._lay_out_snapshot())
        with self._phases.phase("prepare environment", self._preparation) as notes:
            python = self._prepare_environment(notes)
        places = self._bring_data()
        self._gather()
        self._link.writer.state(RunState.STARTING)
        relay = Relay(self._job, self._link.journal, Spool(self._folder.spool), self._link.forwarder)
        try:
            with self._phases.phase("start script", self._preparation) as notes:
                script = self._start_script(python, relay, places, notes)
            self._link.writer.state(RunState.RUNNING)
            with self._phases.phase("run", self._preparation, quiet=True) as notes:
                limit = self._job.definition.max_run_duration_seconds if self._job.is_head else None
                exit_code = script.wait(self._stop, limit)
                notes.append(f"exit code {exit_code}")
        finally:
            relay.close()
        return self._failure_of(exit_code) if exit_code else None

    def _lay_out_snapshot(self) -> str:
        connection = self._link.connect()
        self._stop.when_ordered(connection.interrupt)
        files = snapshot.materialise(self._job, connection, self._folder.work, self._stop)
        connection.close()
        for name in ("outputs", "logs"):
            (self._folder.work / name).mkdir(exist_ok=True)
        return f"{len(files)} files, {sum(file.size for file in files)} bytes"

    def _prepare_environment(self, notes: list[str]) -> Path:
        """The interpreter that the script runs on."""
        chosen = plan.resolve(self._job.definition.environment)
        for note in chosen.notes:
            self._preparation.line(note)
        for warning in chosen.warnings:
            self._link.writer.warn(warning)
        self._link.writer.properties(chosen.properties)
        if chosen.recipe is None:
            return Path(chosen.python.path)
        return self._find_or_build(chosen.recipe, notes)

    def _find_or_build(self, recipe: plan.Recipe, notes: list[str]) -> Path:
        folder = Path(self._job.environments_folder)
        use.hold(folder / recipe.key)
        python = ready.find(recipe, folder)
        if python is None:
            from terrazul.node.environment.build import Builder, Watcher  # noqa: PLC0415  # what is there needs none

            self._look_in = BUILD_LOG
            log = TimedLog(self._folder.log(BUILD_LOG))
            watcher = Watcher(log, self._stop, self._phases.tell, self._phases.step)
            again = self._job.definition.build_again
            python = Builder(recipe, folder, watcher, self._job.environment_limits).build(again=again)
            self._look_in = PREPARATION_LOG
        notes.append(f"environment {recipe.key}")
        return python

    def _bring_data(self) -> list[Place]:
        """Where the script finds its inputs, once they are here, and its outputs."""
        if self._data is None:
            return []
        with self._phases.phase("data", self._preparation) as notes:
            places = self._data.bring(self._preparation)
            notes.append(", ".join(place.name for place in places))
        return places

    def _gather(self) -> None:
        """Wait for whoever starts at the same time."""

    def _start_script(self, python: Path, relay: Relay, places: list[Place], notes: list[str]) -> Started:
        program = command.of(fill_in(self._job.definition, places), python, self._folder.work)
        sdk = sdk_path.provide(Path(self._job.environments_folder).parent / "sdk")
        told = data_variables(places, os.environ)
        surroundings = variables.of_script(self._job, os.environ, python, sdk, relay.url, told)
        relay.start()
        self._link.watch_folders()
        self._stop.check()
        if self._job.definition.hold_on_failure_seconds:
            self._folder.write_inside(variables.inside(self._folder.work, python, surroundings))
        notes.append(f"on {python}")
        return self._launch(program, surroundings)

    def _launch(self, program: Sequence[str], surroundings: Mapping[str, str]) -> Started:
        return Script(program, self._folder.work, surroundings, self._folder.log(SCRIPT_LOG), self._umask)

    def _failure_of(self, exit_code: int) -> RunError:
        return self._explained(exit_code, SCRIPT_LOG)

    def _explained(self, exit_code: int, log: str) -> RunError:
        """Why a process failed, by its exit code and the end of its log."""
        from terrazul.runner import failure  # noqa: PLC0415  # patterns that a run which goes well never needs

        data, first_line = _end_of(self._folder.log(log), failure.TAIL_SIZE)
        return failure.explain(exit_code, failure.tail_of(data, first_line), log)

    def _take_data(self, outcome: Outcome) -> None:
        """Send what the script wrote to its outputs, unless the run was stopped."""
        if self._data is None or not self._data.may_be_taken or self._stop.reason is StopReason.FENCED:
            return
        if self._stop.reason is not None:
            self._link.writer.warn("The run was ended before its script was done: its data outputs are not sent.")
            return
        with self._phases.phase("upload data", self._finish):
            self._data.take(self._finish, succeeded=outcome.state is RunState.COMPLETED)

    def _collect(self) -> None:
        """Keep what the script left, as much of it as there is time for when the run was canceled."""
        if self._stop.reason is StopReason.FENCED:
            return
        if self._stop.reason is None:
            self._link.writer.state(RunState.FINALIZING)
        with self._phases.phase("upload outputs", self._finish) as notes:
            collection = self._link.collect()
            notes.append(str(collection))
        if self._stop.reason is not None:
            self._link.writer.warn(
                f"The run was ended before its script was done: its outputs are partial "
                f"({collection} uploaded, {collection.unsent} files not)."
            )
            raise Stopped


def _data_of(job: Job, folder: RunFolder, link: Link, stop: Stop) -> RunData | None:
    """What brings and takes the data of a run; None for one that has no such data."""
    if not job.definition.inputs and not job.definition.outputs:
        return None
    from terrazul.runner.data.run_data import RunData  # noqa: PLC0415  # most of a start's time, where it is not needed

    return RunData(job, folder, link.writer, stop)


def _end_of(log: Path, size: int) -> tuple[bytes, int | None]:
    """The last bytes of a log, and the number of the line they begin in, where it can be told quickly."""
    with log.open("rb") as stream:
        begin = max(0, os.fstat(stream.fileno()).st_size - size)
        if begin > _COUNTED_BYTES:
            stream.seek(begin)
            return stream.read(size), None
        lines, position = 1, 0
        while chunk := stream.read(min(1 << 20, begin - position)):
            lines += chunk.count(b"\n")
            position += len(chunk)
        return stream.read(size), lines
