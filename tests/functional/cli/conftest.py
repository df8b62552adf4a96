"""The command line as a user's shell starts it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from terrazul.core.home import Home

TERRAZUL = str(Path(sys.executable).with_name("terrazul"))


class Shell:
    """Calls `terrazul` with a home of its own and no variable of the machine's user in the way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = Home(str(folder / "home"))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TERRAZUL_", "AZUREML_"))}
        self.environment = {**kept, "TERRAZUL_HOME": str(self.home.path), "TERRAZUL_PORT": "0", "COLUMNS": "200"}

    def __call__(self, *words: str, given: str = "", **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run a line to its end, with what it is given on standard input."""
        return subprocess.run(
            [TERRAZUL, *words],
            capture_output=True,
            text=True,
            input=given,
            cwd=self.folder,
            env={**self.environment, **variables},
            timeout=60,
            check=False,
        )

    def json(self, *words: str) -> Any:
        """The JSON answer to a line, which must end well."""
        options = next((index for index, word in enumerate(words) if word.startswith("-")), len(words))
        ended = self(*words[:options], "-o", "json", *words[options:])
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)


@pytest.fixture(scope="module")
def shared_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A folder with a script, attached to a workspace, for the tests of a module that leave it as it is."""
    shell = Shell(tmp_path_factory.mktemp("project"))
    (shell.folder / "train.py").write_text("print('hello')\n")
    shell("up")
    attached = shell("folder", "attach", "-w", "research")
    assert attached.returncode == 0, attached.stderr
    yield shell
    shell("down")


@pytest.fixture
def terrazul(tmp_path: Path) -> Iterator[Shell]:
    """A shell whose server, if one was started, is stopped in the end."""
    shell = Shell(tmp_path)
    yield shell
    shell("down")
