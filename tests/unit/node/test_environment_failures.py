"""Failures of builds that are remembered for a short while."""

import json
import time
from pathlib import Path

import pytest

from terrazul.core.errors import UserErrorException
from terrazul.node.environment.failures import Failures


def remembered(home: Path, message: str) -> dict[str, float]:
    Failures(home).remember(UserErrorException(message, hint="Change it."))
    content: dict[str, float] = json.loads(home.with_name(home.name + ".failed").read_text())
    return content


def test_failure_is_told_again_with_when_it_is_tried_again(tmp_path: Path):
    remembered(tmp_path / "key", "There is no version of pandas==99")
    with pytest.raises(UserErrorException, match=r"There is no version of pandas==99 \(tried \d s ago\)") as told:
        Failures(tmp_path / "key").check("e")
    assert "Change it. The same definition is tried again on this node in " in str(told.value.hint)
    assert "--again" in str(told.value.hint)
    Failures(tmp_path / "other").check("e")
    Failures(tmp_path / "key").forget()
    Failures(tmp_path / "key").check("e")


def test_failure_of_the_network_is_tried_again_sooner(tmp_path: Path):
    lasting = [
        content["until"] - content["at"]
        for message in ("No solution found", "Failed to fetch: `https://…`")
        for content in [remembered(tmp_path / "key", message)]
    ]
    assert lasting[1] < lasting[0]


@pytest.mark.parametrize("seconds", [-600, 600])
def test_failure_that_is_past_or_of_another_time_counts_no_more(tmp_path: Path, seconds: int):
    content = remembered(tmp_path / "key", "No solution found")
    moved = {**content, "at": content["at"] + seconds, "until": content["until"] + seconds}
    (tmp_path / "key.failed").write_text(json.dumps(moved))
    Failures(tmp_path / "key").check("e")
    assert moved["at"] != time.time()


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"message": "x", "hint": "", "at": "x", "until": 1}'])
def test_damaged_memory_counts_as_none(tmp_path: Path, content: str):
    (tmp_path / "key.failed").write_text(content)
    Failures(tmp_path / "key").check("e")
