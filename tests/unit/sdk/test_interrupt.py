import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from terrazul.sdk.interrupt import Interrupts


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Ctrl-C as Python has it: a shell lets what it starts in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Swallowing:
    """What Python prints and forgets: an error in a finalizer."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act

    def __del__(self) -> None:
        self._act()


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def test_interrupt_is_raised_at_once():
    with Interrupts(), pytest.raises(KeyboardInterrupt):
        interrupt()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_that_was_lost_is_raised_by_the_next_look():
    with Interrupts() as interrupts:
        interrupts.check()
        Swallowing(interrupt)
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()


def test_ctrl_c_is_pythons_again_afterwards():
    with Interrupts():
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_program_that_handles_it_by_itself_is_left_alone():
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: heard.append(number))
    try:
        with Interrupts() as interrupts:
            interrupt()
            interrupts.check()
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT]


def test_other_threads_are_left_alone():
    problems: list[BaseException] = []

    def work() -> None:
        try:
            with Interrupts() as interrupts:
                interrupts.check()
        except BaseException as problem:  # noqa: BLE001  # told to the test
            problems.append(problem)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert problems == []
