"""The phases of one member of a distributed run: as those of any run, but for starting together and ending together."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from terrazul.core import clock
from terrazul.node.phase import Phases
from terrazul.node.stop import Stop, StopReason
from terrazul.runner.distributed import mpi, variables
from terrazul.runner.distributed.mpi import MPI_LOG, Rank
from terrazul.runner.distributed.processes import Processes, Start
from terrazul.runner.folder import RUNNER_LOGS, SCRIPT_LOG, RunFolder, log_name, rank_log
from terrazul.runner.gang import Gang
from terrazul.runner.link import Link
from terrazul.runner.run import Execution, Outcome
from terrazul.wire.distribution import MPI, PARAMETER_SERVER, distribution_of
from terrazul.wire.job import Job
from terrazul.wire.run import RunError, RunState


class MemberExecution(Execution):
    """One member of a gang, which may be the only one."""

    def __init__(  # what a run has, and its gang
        self, job: Job, folder: RunFolder, link: Link, phases: Phases, stop: Stop, umask: int, gang: Gang
    ) -> None:
        super().__init__(job, folder, link, phases, stop, umask)
        self._gang = gang
        self._distribution = distribution_of(job.definition)
        self._own = self._distribution.on_node(job.member)
        self._mpi_folder = folder.root / "mpi"
        self._processes: Processes | None = None
        self._failed_at: int | None = None

    def _gather(self) -> None:
        with self._phases.phase("wait for nodes", self._preparation) as notes:
            self._gang.meet(len(self._own))
            notes.append(", ".join(f"node {each.number} at {each.address}" for each in self._gang.members))

    def _launch(self, program: Sequence[str], surroundings: Mapping[str, str]) -> Processes:
        members, launcher = self._gang.members, None
        if self._job.is_head:
            if self._job.definition.communicator in MPI and len(self._distribution.tasks) > 1:
                launcher = mpi.launcher(members, surroundings.get("PATH", os.defpath))
            self._gang.begin(starts_all=launcher is not None)
            starts_none = False
        else:
            starts_none = self._gang.wait_for_head().starts_all
        starts = self._starts(program, surroundings, launcher) if not starts_none else []
        self._preparation.line(_told(starts, launcher))
        self._processes = Processes(starts, self._folder.work, self._umask, self._gang)
        return self._processes

    def _starts(self, program: Sequence[str], surroundings: Mapping[str, str], launcher: str | None) -> list[Start]:
        members, communicator = self._gang.members, self._job.definition.communicator
        tasks = self._own if launcher is None else self._distribution.tasks
        starts = []
        for task in tasks:
            own = variables.of_task(communicator, self._distribution, task, members, head=launcher is not None)
            log = rank_log(task.rank)
            self._link.logs.watch(log, self._folder.log(log))
            command = variables.filled_in(program, own)
            server = task.kind == PARAMETER_SERVER
            starts.append(Start(command, {**surroundings, **own}, self._folder.log(log), task.rank, server))
        if launcher is None:
            return starts
        self._link.logs.watch(MPI_LOG, self._folder.log(MPI_LOG))
        ranks = [Rank(start.command, _beyond(start.variables, surroundings), str(start.log)) for start in starts]
        command = mpi.command(launcher, ranks, self._mpi_folder)
        found = {**surroundings, **variables.of_task("None", self._distribution, tasks[0], members, head=True)}
        return [Start(command, found, self._folder.log(MPI_LOG))]

    def _failure_of(self, exit_code: int) -> RunError:
        failure = self._processes.failure if self._processes else None
        rank = failure.start.rank if failure else None
        if failure and rank is None:  # it was Open MPI's launcher
            end = mpi.first_failure(self._mpi_folder)
            if end is None:
                return self._explained(exit_code, MPI_LOG)
            rank, exit_code = end.rank, end.exit_code
            self._failed_at = end.time
        elif failure:
            self._failed_at = failure.time
        error = self._explained(exit_code, rank_log(rank or 0))
        return _named(error, f"Rank {rank} of {len(self._distribution.tasks)}")

    def _concluded(self, outcome: Outcome) -> Outcome:
        """Tell the others how it went here, so that they end with it where it went wrong."""
        error = outcome.error and self._placed(outcome.error)
        if self._stop.reason is StopReason.MEMBER:
            self._gang.end()
        else:
            failed_at = self._failed_at or (clock.now() if error else None)
            self._gang.end(error, failed_at)
        self._gang.leave()
        return replace(outcome, error=error)

    def _outcome_of_stop(self) -> Outcome:
        if self._stop.reason is StopReason.MEMBER:
            return Outcome(RunState.FAILED, self._gang.first_error)
        return super()._outcome_of_stop()

    def _settle(self) -> None:
        if not self._job.is_head or self._gang.size == 1:
            return
        with self._phases.phase("wait for the outputs of all nodes", self._finish):
            self._gang.wait_for_others()

    def _final(self, outcome: Outcome) -> Outcome:
        """How the whole run ends: by the first failure of any member."""
        error = outcome.error and self._placed(outcome.error)
        if self._stop.reason is StopReason.CANCELED:
            return Outcome(RunState.CANCELED)
        if outcome.state is RunState.FAILED and error is not None:
            self._gang.end(error)  # the first one that was told stays
        first = self._gang.first_error
        return Outcome(RunState.FAILED, first) if first else replace(outcome, error=error)

    def _placed(self, error: RunError) -> RunError:
        """An error that says on which node it was, and in which of the run's logs to look."""
        path = rank_log(0) if error.log_path == SCRIPT_LOG else error.log_path
        if path not in RUNNER_LOGS:
            return replace(error, log_path=path)
        placed = replace(error, log_path=log_name(path, self._job))
        return placed if self._gang.size == 1 else _named(placed, f"Node {self._job.member} of {self._gang.size}")


def _named(error: RunError, who: str) -> RunError:
    message = error.message
    return replace(error, message=f"{who} failed: {message[:1].lower()}{message[1:]}")


def _beyond(variables_of_one: Mapping[str, str], of_all: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables_of_one.items() if of_all.get(name) != value}


def _told(starts: Sequence[Start], launcher: str | None) -> str:
    if launcher is not None:
        return f"start script: Open MPI starts the processes of all nodes ({launcher})"
    if not starts:
        return "start script: the processes of this node are started by the first one"
    return f"start script: rank {', '.join(str(start.rank) for start in starts)}"
