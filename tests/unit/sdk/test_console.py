"""Progress of long transfers."""

import io

import pytest

from terrazul.sdk import console
from terrazul.sdk.console import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "shown"), [(Terminal(), True), (io.StringIO(), False)])
def test_long_transfer_is_shown_on_a_terminal_only(stream: io.StringIO, shown: bool, monkeypatch: pytest.MonkeyPatch):
    clock = iter([0.0, 0.5, 2.0, 2.1, 3.0])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    progress = Progress("Sending", 4_000_000, stream)
    for _ in range(4):
        progress.add(1_000_000)
    progress.close()
    assert stream.getvalue().count("\r\x1b[KSending ") == (2 if shown else 0)
    assert stream.getvalue().endswith("\r\x1b[K" if shown else "")


def test_short_transfer_is_silent():
    stream = Terminal()
    progress = Progress("Sending", 10, stream)
    progress.add(10)
    progress.close()
    assert stream.getvalue() == ""
