"""What the shell is told."""

from __future__ import annotations

import enum


class ExitCode(enum.IntEnum):
    """The exit codes of every verb."""

    GOOD = 0
    FAILED = 1
    """The thing failed: a run that was waited for, a server that would not start, a check that found an error."""
    USAGE = 2
    """The command line cannot be understood, or a value on it is wrong."""
    NOT_FOUND = 3
    """What was named does not exist, or no server runs."""
    INTERRUPTED = 130
