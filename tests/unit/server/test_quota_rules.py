"""What a quota allows."""

import pytest

from terrazul.core.errors import InvalidInput, QuotaExceeded
from terrazul.server.quota.rules import Limits, check_limits, check_storage, check_waiting, is_full, why_it_waits
from terrazul.wire.quota import QuotaLimits


def test_zero_is_no_limit_and_none_is_the_default():
    defaults = Limits(100, 2, 1, 5)
    limits = defaults.overridden_by(QuotaLimits(storage_bytes=0, waiting_per_user=7))
    assert limits == Limits(0, 2, 1, 7)
    check_storage(limits, 10**15, 10**15)
    check_waiting(Limits(), "ana", 10**6)
    assert not is_full(limits, 10**15)
    assert why_it_waits(Limits(), 10**15, 10**6, "ana", 10**6) == ""


def test_last_byte_fits_and_one_more_does_not():
    check_storage(Limits(100), 60, 40)
    check_storage(Limits(100), 200, 0)
    with pytest.raises(QuotaExceeded, match="keeps 60: no room for 41 more"):
        check_storage(Limits(100), 60, 41)
    assert (is_full(Limits(100), 99), is_full(Limits(100), 100)) == (False, True)


@pytest.mark.parametrize(
    ("stored", "running", "of_user", "said"),
    [(99, 1, 0, ""), (100, 0, 0, "no run begins where 100"), (0, 2, 0, "The workspace executes"), (0, 1, 1, "of ana")],
)
def test_reason_names_the_limit_that_holds_a_run_back(stored: int, running: int, of_user: int, said: str):
    reason = why_it_waits(Limits(100, 2, 1), stored, running, "ana", of_user)
    assert said in reason
    assert bool(said) == bool(reason)


def test_no_further_run_waits_than_may():
    check_waiting(Limits(waiting_per_user=2), "ana", 1)
    with pytest.raises(QuotaExceeded, match="as may: 2"):
        check_waiting(Limits(waiting_per_user=2), "ana", 2)


@pytest.mark.parametrize("limits", [QuotaLimits(storage_bytes=-1), QuotaLimits(running_per_user=2**53)])
def test_limit_that_cannot_be_one_is_refused(limits: QuotaLimits):
    with pytest.raises(InvalidInput, match="must be between 0 and"):
        check_limits(limits)
