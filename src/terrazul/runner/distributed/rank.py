"""Becomes one process of an Open MPI job: run by file, in isolation, by Open MPI's launcher.

It gives the process its log and its variables, stays to see how it ends, and notes that for the runner. The process
dies with it (where the system is Linux), and it with the launcher.
"""

import ctypes
import json
import os
import signal
import sys
import time

_PR_SET_PDEATHSIG = 1
_NOT_FOUND = 127  # as shells say it
_SIGNAL_BASE = 128


def main() -> None:
    """``rank.py <folder>``; the rank is in the environment."""
    folder, rank, parent = sys.argv[1], int(os.environ["OMPI_COMM_WORLD_RANK"]), os.getppid()
    _die_with(parent)
    with open(os.path.join(folder, "ranks.json"), encoding="utf-8") as file:  # noqa: PTH118, PTH123  # pathlib costs more
        told = json.load(file)[rank]
    log = os.open(told["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for output in (1, 2):
        os.dup2(log, output)
    me = os.getpid()
    pid = os.fork()
    if pid == 0:
        _die_with(me)
        _become(told["command"], {**os.environ, **told["variables"]})
    signal.signal(signal.SIGTERM, lambda number, _: os.kill(pid, number))
    exit_code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    end = {"rank": rank, "exit_code": exit_code, "time": time.time_ns() // 1000}
    whole = os.path.join(folder, f"{rank}.end")  # noqa: PTH118  # as above
    with open(f"{whole}.part", "w", encoding="utf-8") as file:  # noqa: PTH123  # as above
        json.dump(end, file)
    os.replace(f"{whole}.part", whole)  # noqa: PTH105  # as above
    sys.exit(exit_code if exit_code >= 0 else _SIGNAL_BASE - exit_code)


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:
        os._exit(_NOT_FOUND)


def _become(command: "list[str]", variables: "dict[str, str]") -> None:
    try:
        os.execvpe(command[0], command, variables)  # noqa: S606  # becoming the program is the purpose
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        os._exit(_NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_FOUND - 1)


main()
