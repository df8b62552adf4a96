"""Becomes the script: run by file, in isolation, between the runner and the script's interpreter.

What must happen in the new process before the script does happens here, since a process with threads cannot safely run
code between fork and exec. From here on the script dies with its runner (where the system is Linux).
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_NOT_EXECUTABLE = 126  # as shells say it
_NOT_FOUND = 127


def main() -> None:
    """``launch.py <pid of the runner> <program> <arguments…>``."""
    runner, program = int(sys.argv[1]), sys.argv[2]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != runner:
        sys.exit("The runner has gone.")
    try:
        os.execvp(program, sys.argv[2:])  # noqa: S606  # becoming the program is the purpose
    except OSError as error:
        sys.stderr.write(f"{program}: {error.strerror}\n")
        sys.exit(_NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE)


main()
