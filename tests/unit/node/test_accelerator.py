"""The fast JSON parser beside the environments: there once, or silently not."""

import sys
import time
from pathlib import Path

from terrazul.node.environment import accelerator
from terrazul.node.environment.interpreter import Interpreter

PYTHON = Interpreter(sys.executable, sys.version_info[:2])
NOBODYS = Interpreter("/no/python", (3, 99))


def test_what_is_there_is_taken_as_it_is(tmp_path: Path):
    folder = tmp_path / f"accelerator-{PYTHON.version_text}"
    folder.mkdir()
    assert accelerator.provide(PYTHON, tmp_path) == folder


def test_what_cannot_be_had_is_left_out_and_not_tried_again(tmp_path: Path):
    assert accelerator.provide(NOBODYS, tmp_path) is None
    assert [path.name for path in tmp_path.iterdir()] == ["accelerator-3.99.failed"]
    begin = time.monotonic()
    assert accelerator.provide(NOBODYS, tmp_path) is None
    assert time.monotonic() - begin < 0.05
