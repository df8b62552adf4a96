"""Values as people read them."""

import pytest

from terrazul.cli import wording
from terrazul.core import clock


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (9.96, "10.0 s"), (59.4, "59 s"), (61, "1 min 1 s"), (3_725, "1 h 2 min"), (90_000, "1 d 1 h")],
)
def test_duration_in_its_two_largest_units(seconds: float, words: str):
    assert wording.duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"), [(None, "-"), (0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (80 << 30, "80 GiB")]
)
def test_size(count: int, words: str):
    assert wording.size(count) == words


def test_moment_is_relative_within_a_day_and_a_date_before():
    recent = clock.to_text(clock.now() - 65_000_000)
    assert wording.moment(recent) == "1 min 5 s ago"
    assert wording.moment("2021-05-04T12:00:00Z").startswith("2021-05-0")
    assert wording.moment(None) == "-"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "-"),
        ("", "-"),
        ({}, "-"),
        (0, "0"),
        (True, "yes"),
        (0.123456789, "0.123457"),
        (["a", 1], "a, 1"),
        ({"a": 1, "b": None}, "a=1, b"),
    ],
)
def test_text_of_any_value(value: object, words: str):
    assert wording.text(value) == words


def test_a_name_cannot_steer_the_terminal():
    assert wording.text("\x1b[2Jgone\r\n\u202e") == "\\x1b[2Jgone\\r\\n\\u202e"


def test_width_counts_columns():
    assert wording.width("模型") == 4
    assert wording.width("e\u0301") == 1
    assert wording.shorten("模型模型", 5) == "模型…"
    assert wording.shorten("short", 5) == "short"


def test_characters_that_steer_a_terminal_are_written_out():
    steering = "\x1b]0;x\x07\u202e"
    assert wording.text({steering: steering, "list": [steering]}).isprintable()
    assert "\\x1b" in wording.text({steering: None})
