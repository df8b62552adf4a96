"""The life of a run."""

import itertools

import pytest

from terrazul.core.errors import Conflict
from terrazul.server.run.rules import next_state
from terrazul.wire.run import RunState

TERMINAL = [state for state in RunState if state.terminal]
OPEN = [state for state in RunState if not state.terminal]


@pytest.mark.parametrize(("ended", "wanted"), list(itertools.product(TERMINAL, RunState)))
def test_ended_run_never_changes(ended: RunState, wanted: RunState):
    if wanted is ended:
        assert next_state(ended, wanted) is ended
    else:
        with pytest.raises(Conflict):
            next_state(ended, wanted)


@pytest.mark.parametrize(("current", "wanted"), list(itertools.product(OPEN, TERMINAL)))
def test_open_run_can_always_end(current: RunState, wanted: RunState):
    assert next_state(current, wanted) is wanted


@pytest.mark.parametrize("current", OPEN)
def test_late_report_does_not_take_a_run_back(current: RunState):
    if current is not RunState.CANCEL_REQUESTED:
        assert next_state(current, RunState.NOT_STARTED) is current


@pytest.mark.parametrize("wanted", [state for state in OPEN if state is not RunState.CANCEL_REQUESTED])
def test_run_to_be_canceled_does_not_go_on(wanted: RunState):
    assert next_state(RunState.CANCEL_REQUESTED, wanted) is RunState.CANCEL_REQUESTED


def test_run_goes_forward():
    assert next_state(RunState.QUEUED, RunState.RUNNING) is RunState.RUNNING
    assert next_state(RunState.RUNNING, RunState.FINALIZING) is RunState.FINALIZING
