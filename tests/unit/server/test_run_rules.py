"""The life of a run."""

import itertools

import pytest

from terrazul.core.errors import Conflict, UserErrorException
from terrazul.server.run.rules import check_data, next_state
from terrazul.wire.run import RunState
from terrazul.wire.run_configuration import DataInput, DataOutput

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


GUID = "11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ([DataInput("a b", "mount", GUID)], []),
        ([DataInput("PATH", "mount", GUID)], []),
        ([DataInput("a", "hdfs", GUID)], []),
        ([DataInput("a", "direct", datastore="s")], []),
        ([DataInput("a", "mount", GUID, datastore="s")], []),
        ([DataInput("a", "mount")], []),
        ([DataInput("a", "mount", datastore="s", path="../x")], []),
        ([DataInput("a", "mount", GUID, path_on_compute="x\0")], []),
        ([DataInput("a", "mount", GUID)], [DataOutput("a")]),
        ([], [DataOutput("a", mode="download")]),
        ([], [DataOutput("a", path="a/../../b")]),
        ([], [DataOutput("a", environment_variable="LD_PRELOAD")]),
    ],
)
def test_data_that_no_script_could_find_is_refused(inputs: list[DataInput], outputs: list[DataOutput]):
    with pytest.raises(UserErrorException):
        check_data(inputs, outputs)


def test_data_of_all_kinds_is_taken():
    check_data(
        [DataInput("a", "direct", GUID), DataInput("b", "download", datastore="s", path="x/y")],
        [DataOutput("c"), DataOutput("d", "upload", "s", "x/{run-id}", path_on_compute="/tmp/x")],
    )
