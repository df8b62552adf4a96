"""What reading data takes, beside the environments: only what is missing, for the versions that are there."""

import sys
import threading
from pathlib import Path

import pytest

from terrazul.core.errors import UserErrorException
from terrazul.data.lock import FileLock
from terrazul.node.environment import data_libraries
from terrazul.node.environment.interpreter import Interpreter

PYTHON = Interpreter(sys.executable, sys.version_info[:2])
NOBODYS = Interpreter("/no/python", (3, 99))
ALL = {"polars": "1.0", "pandas": "2.0", "pyarrow": "17.0", "numpy": "1.26"}


def go_on() -> None:
    return


def test_nothing_is_installed_where_all_is_there(tmp_path: Path):
    data_libraries.provide(NOBODYS, tmp_path, ALL, go_on)
    assert list(tmp_path.iterdir()) == []


def test_other_versions_of_an_environment_mean_another_folder(tmp_path: Path):
    one = data_libraries.provide(NOBODYS, tmp_path, ALL, go_on)
    assert data_libraries.provide(NOBODYS, tmp_path, {**ALL, "numpy": "2.0"}, go_on) != one
    assert data_libraries.provide(NOBODYS, tmp_path, dict(reversed(ALL.items())), go_on) == one


def test_what_cannot_be_installed_is_told_with_what_to_do(tmp_path: Path):
    with pytest.raises(UserErrorException, match="could not be installed for this environment") as told:
        data_libraries.provide(NOBODYS, tmp_path, {}, go_on)
    assert "azureml-dataprep" in str(told.value.hint)
    assert list(tmp_path.iterdir()) == []


def test_one_who_waits_for_another_can_be_stopped(tmp_path: Path):
    file = data_libraries.provide(NOBODYS, tmp_path, ALL, go_on)
    missing = {name: version for name, version in ALL.items() if name != "polars"}
    begun, found = threading.Event(), []

    def check() -> None:
        begun.set()
        raise InterruptedError

    def first() -> None:
        try:
            data_libraries.provide(PYTHON, tmp_path, missing, check)
        except InterruptedError:
            found.append("stopped")

    pins = sorted(f"{name}=={version}" for name, version in missing.items())
    target = file.with_name(f"data-{PYTHON.version_text}-{data_libraries._key(['polars'], pins)}")
    lock = FileLock.take(target.with_suffix(".lock"))
    assert lock is not None
    thread = threading.Thread(target=first)
    thread.start()
    thread.join(30)
    lock.release()
    assert begun.is_set()
    assert found == ["stopped"]
