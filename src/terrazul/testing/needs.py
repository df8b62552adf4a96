"""What a test needs of the system. Missing on a user's machine the test is not run; in CI that is a failure."""

from __future__ import annotations

import os
import shutil

import pytest

from terrazul.node.environment import interpreter

REQUIRE_ALL = "TERRAZUL_TEST_REQUIRE_ALL"


def needs(found: bool, what: str) -> None:
    """Go on where it was found; else report ``not run: needs <what>``, as a failure where all must run."""
    if found:
        return
    if os.environ.get(REQUIRE_ALL):
        pytest.fail(f"not run: needs {what}", pytrace=False)
    pytest.skip(f"not run: needs {what}")


def needs_program(name: str) -> str:
    """The path of a program."""
    found = shutil.which(name)
    needs(found is not None, name)
    return str(found)


def needs_python(version: tuple[int, int]) -> str:
    """The path of an interpreter of that version."""
    found = [each.path for each in interpreter.installed() if each.version == version]
    needs(bool(found), f"Python {version[0]}.{version[1]}")
    return found[0]
