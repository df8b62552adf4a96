"""The log of a service: one file that grows to a size, written by several processes."""

import os
from pathlib import Path

import pytest

from terrazul.scoring.log import ServiceLog


def test_lines_carry_their_time(tmp_path: Path):
    log = ServiceLog(tmp_path / "log")
    log.line("one\ntwo")
    log.request("GET / 200")
    log.close()
    lines = (tmp_path / "log").read_text().splitlines()
    assert [line.partition("Z ")[2] for line in lines] == ["one", "two", "GET / 200"]
    assert all(line.startswith("20") and line[10] == "T" for line in lines)


def test_it_belongs_to_its_owner_alone(tmp_path: Path):
    ServiceLog(tmp_path / "log").close()
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_requests_are_gathered_where_a_loop_runs(tmp_path: Path):
    log = ServiceLog(tmp_path / "log")
    scheduled = []
    log.buffer_with(scheduled.append)
    log.request("one")
    log.request("two")
    assert (tmp_path / "log").read_text() == ""
    (flush,) = scheduled
    flush()
    assert (tmp_path / "log").read_text().count("\n") == 2
    log.close()


def test_beyond_its_limit_it_is_begun_anew_for_every_writer(tmp_path: Path):
    log = ServiceLog(tmp_path / "log", limit=100)
    other = os.dup(log.descriptor)
    log.line("x" * 200)
    log.look_after()
    os.write(other, b"of a worker\n")
    os.close(other)
    assert "x" * 200 in (tmp_path / "log.1").read_text()
    assert log.tail() == "of a worker\n"
    log.close()


def test_tail_is_the_end(tmp_path: Path):
    log = ServiceLog(tmp_path / "log")
    log.line("y" * 100_000)
    log.line("end")
    assert log.tail().endswith("end\n")
    assert len(log.tail()) == 65_536
    log.close()


def test_standard_error_is_never_begun_anew(capfd: pytest.CaptureFixture[str]):
    log = ServiceLog(None, limit=1)
    log.line("here")
    log.look_after()
    assert log.tail() == ""
    log.close()
    assert "here" in capfd.readouterr().err
