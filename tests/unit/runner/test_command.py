"""What is started."""

import re
from pathlib import Path

import pytest

from terrazul.core.errors import UserErrorException
from terrazul.runner import command
from terrazul.wire.run_configuration import RunDefinition

PYTHON = Path("/bin/python")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    for name in ("train.py", "deep/other.py", "-m"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("script", "started"),
    [("train.py", "train.py"), ("./train.py", "train.py"), ("deep/other.py", "deep/other.py"), ("-m", "./-m")],
)
def test_script_is_started_with_its_arguments(work: Path, script: str, started: str):
    definition = RunDefinition(script=script, arguments=["--a", "-c", ""])
    assert command.of(definition, PYTHON, work) == ["/bin/python", started, "--a", "-c", ""]


@pytest.mark.parametrize("script", ["../train.py", "/etc/passwd", "./../train.py", "deep", "deep/../train.py", "C:x"])
def test_script_outside_of_the_snapshot_is_refused(work: Path, script: str):
    with pytest.raises(UserErrorException, match=re.escape(script.removeprefix("./"))):
        command.of(RunDefinition(script=script), PYTHON, work)


@pytest.mark.parametrize("definition", [RunDefinition(), RunDefinition(script="train.py", command=["x"])])
def test_exactly_one_of_script_and_command_is_needed(work: Path, definition: RunDefinition):
    with pytest.raises(UserErrorException):
        command.of(definition, PYTHON, work)
