"""The reference says what the code does: every verb, option, route, shape and setting, each with words of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def check() -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "docs" / "generate"), "--check"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_verb_route_and_setting_is_described(check: "subprocess.CompletedProcess[str]"):
    assert "NotDescribed" not in check.stderr, check.stderr


def test_reference_is_up_to_date(check: "subprocess.CompletedProcess[str]"):
    assert check.returncode == 0, check.stdout + check.stderr


def test_what_has_no_words_is_refused():
    program = "from described import words_of; words_of('terrazul up', ' ')"
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT / "docs" / "generate", capture_output=True, text=True, check=False
    )
    assert "NotDescribed: terrazul up has no description" in ended.stderr
