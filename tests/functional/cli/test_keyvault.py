"""Secrets from the command line; no value ever stands on it."""

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import TERRAZUL, Shell

pytestmark = pytest.mark.functional


def set_secret(shell: Shell, name: str, value: bytes, *options: str) -> "subprocess.CompletedProcess[bytes]":
    line = [TERRAZUL, "keyvault", "set", name, *options]
    return subprocess.run(
        line, input=value, capture_output=True, cwd=shell.folder, env=shell.environment, timeout=60, check=False
    )


def test_secret_is_set_shown_listed_and_deleted(shared_project: Shell):
    kept = set_secret(shared_project, "db-password", b"hunter2\n")
    assert (kept.returncode, kept.stdout, b"hunter2" in kept.stderr) == (0, b"", False)
    shown = shared_project("keyvault", "show", "DB-password")
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, "hunter2\n", "")
    listed = shared_project("keyvault", "list")
    assert "db-password" in listed.stdout
    assert "hunter2" not in listed.stdout
    record = shared_project.json("activity", "list", "--object-type", "secret")
    assert [(each["object_id"], each["change"]) for each in record] == [
        ("db-password", "shown"),
        ("db-password", "created"),
    ]
    unsure = shared_project("keyvault", "delete", "db-password")
    assert (unsure.returncode, "Nobody can be asked" in unsure.stderr) == (2, True)
    assert shared_project("keyvault", "delete", "db-password", "--yes").returncode == 0
    gone = shared_project("keyvault", "show", "db-password")
    assert (gone.returncode, gone.stdout, "There is no secret" in gone.stderr) == (3, "", True)


def test_value_of_a_file_is_kept_to_its_last_byte(shared_project: Shell):
    file = Path(shared_project.folder, "key.pem")
    file.write_bytes(b"line\nline\n")
    assert set_secret(shared_project, "pem", b"", "--value-file", "key.pem").returncode == 0
    assert shared_project("keyvault", "show", "pem").stdout == "line\nline\n\n"
    shared_project("keyvault", "delete", "pem", "--yes")


@pytest.mark.parametrize(
    ("name", "value", "options", "told"),
    [
        ("a b", b"hunter2", (), "The name of a secret is not valid"),
        ("x", b"", (), "No value was given"),
        ("x", b"\xff\xfe", (), "no text in UTF-8"),
        ("x", b"x" * 25_601, (), "has 25601 bytes"),
        ("x", b"", ("--value-file", "absent"), "cannot be read"),
        ("x", b"", ("hunter2",), "Unrecognized arguments"),
    ],
)
def test_mistakes_are_told_and_keep_nothing(
    shared_project: Shell, name: str, value: bytes, options: tuple[str, ...], told: str
):
    refused = set_secret(shared_project, name, value, *options)
    assert (refused.returncode, told in refused.stderr.decode()) == (2, True), refused
    assert shared_project.json("keyvault", "list") == []


def test_master_key_is_changed(shared_project: Shell):
    before = shared_project.json("keyvault", "status")
    after = shared_project.json("keyvault", "rotate")
    assert after["master_key"] != before["master_key"]
    assert shared_project.json("keyvault", "status")["master_key"] == after["master_key"]
    assert str(shared_project.home.master_key_file) in before["kept_in"]


def test_value_is_asked_for_at_a_terminal(shared_project: Shell):
    """Without an echo, so that it does not stay on the screen."""
    program = f"""
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv({TERRAZUL!r}, [{TERRAZUL!r}, "keyvault", "set", "asked"])
seen = b""
while b"Value of asked" not in seen:
    seen += os.read(terminal, 1000)
os.write(terminal, b"hunter2\\n")
while True:
    try:
        data = os.read(terminal, 1000)
    except OSError:
        break
    if not data:
        break
    seen += data
assert b"hunter2" not in seen, seen
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    asked = subprocess.run(
        [sys.executable, "-c", program],
        cwd=shared_project.folder,
        env=shared_project.environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert asked.returncode == 0, asked.stderr
    assert shared_project("keyvault", "show", "asked").stdout == "hunter2\n"
    shared_project("keyvault", "delete", "asked", "--yes")
