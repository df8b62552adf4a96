"""Members hear of each other by the answers to what they tell of themselves."""

import threading
from dataclasses import replace

import pytest

from terrazul.core.errors import Unavailable
from terrazul.node.stop import Stop, Stopped, StopReason
from terrazul.runner.gang import Gang
from terrazul.testing.compute import job_of
from terrazul.wire.heartbeat import MemberState, RunMember
from terrazul.wire.run import RunError
from terrazul.wire.run_configuration import RunDefinition


class Board:
    """Where members tell of themselves, as the server is for them; away when that is said."""

    def __init__(self) -> None:
        self.told: dict[int, RunMember] = {}
        self.is_away = False

    def join(self, number: int, size: int = 2) -> tuple[Gang, Stop]:
        stop = Stop()
        job = replace(job_of(), member=number, definition=RunDefinition(command=["true"], node_count=size))
        gang = Gang(job, stop)
        gang.beat = lambda: self._beat(gang)
        return gang, stop

    def _beat(self, gang: Gang) -> bool:
        if self.is_away:
            raise Unavailable("The server is away.")
        own = gang.own
        assert own is not None
        self.told[own.number] = own
        gang.hear(list(self.told.values()))
        return True


@pytest.fixture
def board() -> Board:
    return Board()


def test_members_meet_and_start_when_the_head_says_so(board: Board):
    (head, _), (other, _) = board.join(0), board.join(1)
    meeting = threading.Thread(target=other.meet, args=(1,))
    meeting.start()
    head.meet(2)
    meeting.join()
    assert [len(member.ports) for member in head.members] == [3, 2]
    assert {member.address for member in head.members} == {"127.0.0.1"}
    head.begin(starts_all=True)
    assert other.wait_for_head().starts_all
    for gang in (head, other):
        gang.let_go_of_ports()
    other.end()
    assert not head.all_ended
    head.end()
    assert head.all_ended


def test_failure_of_one_stops_those_that_still_execute(board: Board):
    (head, stop), (other, _), (third, third_stop) = (board.join(number, 3) for number in range(3))
    third.leave()
    other.end(RunError("wrong"))
    head.listen(0)
    third.listen(0)
    assert (stop.reason, third_stop.reason) == (StopReason.MEMBER, None)
    with pytest.raises(Stopped):
        head.meet(1)
    head.let_go_of_ports()


def test_first_failure_counts_and_before_all_a_killed_runner(board: Board):
    gangs = [board.join(number, 3)[0] for number in range(3)]
    gangs[0].end(RunError("connection reset"), 5)
    gangs[1].end(RunError("the cause"), 3)
    gangs[0].listen(0)
    assert gangs[0].first_error == RunError("the cause")
    gangs[2].end(RunError("killed"), 9, is_lost=True)
    gangs[0].listen(0)
    assert gangs[0].first_error == RunError("killed")


def test_head_waits_until_the_server_has_everything_of_the_others(board: Board):
    (head, stop), (other, _) = board.join(0), board.join(1)
    board.is_away = True
    threading.Timer(0.2, setattr, (board, "is_away", False)).start()
    other.be_done()
    head.wait_for_others()
    assert [member.state for member in head.members] == [MemberState.PREPARING, MemberState.DONE]
    alone, stop = board.join(0, 3)
    stop.order(StopReason.FENCED)
    with pytest.raises(Stopped):
        alone.wait_for_others()


def test_gang_of_one_tells_nothing():
    gang = Gang(job_of(), Stop())
    gang.meet(1)
    gang.begin(starts_all=False)
    gang.end()
    gang.be_done()
    gang.let_go_of_ports()
    assert gang.own is None
    assert gang.all_ended
