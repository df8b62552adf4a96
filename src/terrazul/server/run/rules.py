"""What must hold of runs. Pure functions; `next_state` is the one place where a state changes."""

from __future__ import annotations

from terrazul.core.errors import Conflict
from terrazul.wire.run import RunState

_ORDER = [
    RunState.NOT_STARTED,
    RunState.QUEUED,
    RunState.PROVISIONING,
    RunState.PREPARING,
    RunState.STARTING,
    RunState.RUNNING,
    RunState.FINALIZING,
]


def next_state(current: RunState, wanted: RunState) -> RunState:
    """The state a run comes to when ``wanted`` is reported while it is in ``current``.

    A terminal state is final: repeating it changes nothing, and any later report is refused. A step back, as late
    reports bring it, changes nothing. After a request to cancel only the end counts, whose state is then *Canceled*
    unless the run had ended by itself before the request reached it.

    Raises ``Conflict`` for a change that contradicts a terminal state.
    """
    if current.terminal:
        if wanted is current:
            return current
        raise Conflict(
            f"The run is {current.value} and cannot become {wanted.value}.",
            hint="A run that has ended keeps its state; submit a new one.",
        )
    if wanted.terminal or wanted is RunState.CANCEL_REQUESTED:
        return wanted
    if current is RunState.CANCEL_REQUESTED:
        return current
    return max(current, wanted, key=_ORDER.index)


def has_started(state: RunState) -> bool:
    """True from the moment at which the user's code may have run."""
    return state in {RunState.RUNNING, RunState.FINALIZING}
