"""The background writer: nothing waits for it, and nothing it took is lost or doubled."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from terrazul.core.clock import now
from terrazul.core.errors import InvalidInput, Unavailable
from terrazul.sdk import writer as writer_module
from terrazul.sdk.experiment import Experiment
from terrazul.sdk.run import Run
from terrazul.sdk.workspace import Workspace
from terrazul.sdk.writer import writer_of
from terrazul.testing.server import RunningServer
from terrazul.wire.metric import MetricPoint
from terrazul.wire.write import NewRun

from .conftest import at_work


@pytest.fixture
def run(experiment: Experiment) -> Run:
    return experiment.start_logging()


@pytest.fixture
def lone_run(server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run on a server of the test's own, which may be killed."""
    at_work(server, tmp_path, monkeypatch)
    return Experiment(Workspace("subscription", "group", "work"), "e").start_logging()


def execute(program: str) -> "subprocess.CompletedProcess[str]":
    """Execute a program as somebody's script, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, encoding="utf-8", timeout=60
    )


def test_logging_does_not_wait(run: Run):
    slowest = 0.0
    started = time.monotonic()
    for number in range(5000):
        before = time.monotonic()
        run.log("loss", number, step=number)
        slowest = max(slowest, time.monotonic() - before)
    assert (time.monotonic() - started) / 5000 < 0.001
    assert slowest < 0.5
    assert run.get_metrics()["loss"] == list(range(5000))


def test_server_may_go_and_come_back_while_a_run_logs(lone_run: Run, server: RunningServer):
    for rounds in range(3):
        for number in range(500):
            lone_run.log("loss", rounds * 500 + number)
        server.kill()
        for number in range(100):
            lone_run.log("away", rounds * 100 + number)
        with pytest.raises(Unavailable, match="have not reached"):
            lone_run.flush(timeout_seconds=0.2)
        server.start()
    lone_run.complete()
    metrics = lone_run.get_metrics()
    assert metrics["loss"] == list(range(1500))
    assert metrics["away"] == list(range(300))


def test_server_may_come_back_at_another_port_while_a_run_logs(lone_run: Run, server: RunningServer):
    lone_run.log("loss", 0)
    lone_run.flush()
    server.kill()
    lone_run.log("loss", 1)
    server.start_elsewhere()
    lone_run.log("loss", 2)
    assert lone_run.get_metrics()["loss"] == [0, 1, 2]
    lone_run.log("loss", 3)
    lone_run.complete()
    assert lone_run.get_metrics()["loss"] == [0, 1, 2, 3]
    assert lone_run.get_portal_url().startswith(server.url)


def test_reads_see_what_was_written(run: Run):
    for number in range(20):
        run.log("x", number)
        assert len(run.get_metrics()["x"]) == number + 1 if number else True
        run.tag("t", str(number))
        assert run.tags["t"] == str(number)


def test_end_of_the_process_flushes(run: Run):
    execute(
        f"""
from terrazul import Workspace
run = Workspace("subscription", "group", "work").get_run({run.id!r})
for number in range(300): run.log("x", number)
child = run.child_run("late")
child.log("y", 1)
"""
    )
    assert run.get_metrics()["x"] == list(range(300))
    (child,) = run.get_children()
    assert child.get_metrics() == {"y": 1}


def test_processes_of_multiprocessing_are_writers_of_their_own(run: Run):
    execute(
        f"""
import multiprocessing, sys
from terrazul import Workspace
run = Workspace("subscription", "group", "work").get_run({run.id!r})
def work(name):
    for number in range(50): run.log(name, number)
if __name__ == "__main__":
    for number in range(50): run.log("parent", number)
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=work, args=(name,)) for name in ("a", "b")]
    [process.start() for process in processes]
    [process.join() for process in processes]
    sys.exit(max(process.exitcode for process in processes))
"""
    )
    assert run.get_metrics() == {name: list(range(50)) for name in ("parent", "a", "b")}


def test_forked_child_sends_nothing_of_its_parent(run: Run):
    execute(
        f"""
import os
from terrazul import Workspace
run = Workspace("subscription", "group", "work").get_run({run.id!r})
for number in range(100): run.log("parent", number)
child = os.fork()
if not child:
    run.log("child", 1)
    run.flush()
    os._exit(0)
os.waitpid(child, 0)
"""
    )
    assert run.get_metrics() == {"parent": list(range(100)), "child": 1}


def test_refused_records_are_told_and_hold_up_nothing(run: Run, caplog: pytest.LogCaptureFixture):
    run.log("before", 1)
    with pytest.raises(InvalidInput, match="has 300 characters"):
        run.log("x" * 300, 1)
    run.log("after", 1)
    writer_of(run._client).put(MetricPoint("unknown-run", "x", 1, now()))
    run.flush()
    assert set(run.get_metrics()) == {"before", "after"}
    assert "Not recorded for run unknown-run: There is no run 'unknown-run'" in caplog.text


def test_record_that_the_server_cannot_read_spoils_no_other(run: Run, caplog: pytest.LogCaptureFixture):
    writer = writer_of(run._client)
    for number in range(20):
        run.log("good", number)
        if number == 7:
            writer.put(NewRun("bad", "e", "no time"))  # type: ignore[arg-type]  # the slip is the point
    assert run.get_metrics() == {"good": list(range(20))}
    assert caplog.text.count("Not recorded for run bad") == 1


def test_what_does_not_fit_into_memory_waits_in_a_file(
    lone_run: Run, server: RunningServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(writer_module, "_MEMORY_BYTES", 20_000)
    server.kill()
    for number in range(2000):
        lone_run.log("x", number)
    entries = writer_of(lone_run._client)._entries
    assert entries._bytes < 25_000
    assert entries._in_file > 1000
    server.start()
    assert lone_run.get_metrics()["x"] == list(range(2000))
    assert entries._in_file == 0
    assert "temporary file" in caplog.text


def test_order_of_end_and_what_follows_is_kept(run: Run):
    children = []
    for number in range(50):
        child = run.child_run(str(number))
        child.log("x", number)
        child.complete()
        child.tag("after", "the end")
        children.append(child)
    run.flush()
    assert [child.status for child in children] == ["Completed"] * 50
    assert [child.tags for child in children] == [{"after": "the end"}] * 50


def test_server_that_was_set_back_takes_new_records(run: Run, caplog: pytest.LogCaptureFixture):
    writer = writer_of(run._client)
    writer._sequence += 5
    run.log("x", 1)
    assert run.get_metrics() == {"x": 1}
    assert caplog.text == ""
    assert os.getpid() == writer._process
