"""Which run begins next, and what is done about a claimed one, given what became of its runner."""

import pytest

from terrazul.server.compute.kind import RunnerStatus
from terrazul.server.queue.rules import (
    CANCEL_PATIENCE,
    DELIVERY_PATIENCE,
    UNREACHABLE_PATIENCE,
    Care,
    Head,
    Watch,
    care_for,
    first_to_begin,
)

NOW = 10**12
ALIVE = Watch(RunnerStatus.ALIVE, False, None, None, None, NOW)
AWAY = {"status": RunnerStatus.UNREACHABLE}


@pytest.mark.parametrize(
    ("change", "care"),
    [
        ({}, Care.NOTHING),
        ({"status": RunnerStatus.ABSENT}, Care.LAUNCH),
        ({"status": RunnerStatus.GONE}, Care.DELIVER),
        ({"cancel_requested": True}, Care.CANCEL),
        ({"cancel_requested": True, "cancel_told_at": NOW - 1}, Care.NOTHING),
        ({"cancel_requested": True, "cancel_told_at": NOW - CANCEL_PATIENCE - 1}, Care.KILL),
        ({"delivery_started_at": NOW - 1}, Care.NOTHING),
        ({"delivery_started_at": NOW - DELIVERY_PATIENCE - 1}, Care.GIVE_UP),
        ({"delivery_started_at": NOW - DELIVERY_PATIENCE - 1, "heartbeat_at": NOW - 5}, Care.NOTHING),
        ({"status": RunnerStatus.GONE, "delivery_started_at": NOW - 1}, Care.GIVE_UP),
        ({**AWAY, "unreachable_since": NOW - UNREACHABLE_PATIENCE + 1}, Care.NOTHING),
        ({**AWAY, "unreachable_since": NOW - UNREACHABLE_PATIENCE - 1}, Care.GIVE_UP),
        ({**AWAY, "unreachable_since": NOW - UNREACHABLE_PATIENCE - 1, "heartbeat_at": NOW - 5}, Care.NOTHING),
        ({**AWAY, "unreachable_since": NOW - 5, "cancel_requested": True}, Care.NOTHING),
        ({**AWAY, "unreachable_since": NOW - CANCEL_PATIENCE - 1, "cancel_requested": True}, Care.GIVE_UP),
        ({"is_silent": True}, Care.KILL),
        ({"is_silent": True, "status": RunnerStatus.GONE}, Care.DELIVER),
        ({"is_silent": True, "delivery_started_at": NOW - 1}, Care.NOTHING),
    ],
)
def test_care(change: dict[str, object], care: Care):
    assert care_for(ALIVE._replace(**change)) is care


def head(
    run: int, user: str = "ana", target: int | None = 1, nodes: int = 1, priority: int = 0, at: int | None = None
) -> Head:
    return Head(run, 1, user, target, nodes, priority, run if at is None else at)


def test_priority_comes_first_then_who_has_fewer_nodes_then_time():
    ana, ben, cy = head(1), head(2, "ben"), head(3, "cy", priority=1)
    free = {1: 1}
    assert first_to_begin([ana, ben, cy], {}, free) == cy
    assert first_to_begin([ana, ben], {}, free) == ana
    assert first_to_begin([ana, ben], {(1, "ana"): 1}, free) == ben
    assert first_to_begin([ana, ben], {(1, "ana"): 1, (1, "ben"): 2}, free) == ana
    assert first_to_begin([ana, ben], {(2, "ana"): 1, (None, "ana"): 1}, free) == ana


def test_who_is_first_in_line_waits_for_enough_nodes_and_nobody_overtakes():
    gang, small = head(1, nodes=3), head(2, "ben")
    assert first_to_begin([gang, small], {}, {1: 2}) is None
    assert first_to_begin([gang, small], {}, {1: 3}) == gang


def test_no_target_holds_up_another_one():
    gang, elsewhere, here = head(1, nodes=3), head(2, target=2), head(3, target=None)
    assert first_to_begin([gang, here, elsewhere], {}, {1: 2, 2: 1}) == elsewhere
    assert first_to_begin([gang, here, elsewhere], {}, {1: 2}) == here
    assert first_to_begin([], {}, {1: 2}) is None
