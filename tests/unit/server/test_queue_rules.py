"""What is done about a claimed run, given what became of its runner."""

import pytest

from terrazul.server.compute.kind import RunnerStatus
from terrazul.server.queue.rules import (
    CANCEL_PATIENCE,
    DELIVERY_PATIENCE,
    UNREACHABLE_PATIENCE,
    Care,
    Watch,
    care_for,
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
    ],
)
def test_care(change: dict[str, object], care: Care):
    assert care_for(ALIVE._replace(**change)) is care
