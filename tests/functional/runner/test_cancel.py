"""Canceling in every phase, with everything that the script started."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import psutil
import pytest

from terrazul.testing.submission import SubmittedRun, Submitter, wait_for
from terrazul.wire import codec
from terrazul.wire.environment import EnvironmentDefinition
from terrazul.wire.heartbeat import HeartbeatAnswer
from terrazul.wire.job import Job
from terrazul.wire.run_configuration import RunDefinition
from terrazul.wire.workspace import WorkspaceScope
from terrazul.wire.write import WriteAnswer, WriteBatch

STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
def daemon(kind):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(600)', kind])
        os._exit(0)
for number in range(5):
    daemon('stray-%d' % number)
subprocess.Popen(['sleep', '600'])
open('outputs/partial', 'w').write('x')
print('ready', flush=True)
if {ends}:
    sys.exit(0)
time.sleep(600)
"""


def processes_of(run: SubmittedRun) -> list[psutil.Process]:
    """Every living process that carries the run's id."""
    return [process for process in psutil.process_iter() if belongs_to(process, run)]


def belongs_to(process: psutil.Process, run: SubmittedRun) -> bool:
    marks = {"AZUREML_WORKSPACE_ID": run.workspace.rpartition("/")[2], "AZUREML_RUN_ID": run.run_id}
    try:
        return marks.items() <= process.environ().items() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def test_cancel_ends_the_whole_tree(submit: Submitter):
    run = submit(STUBBORN.format(ends=False))
    run.wait_for_line("ready")
    wait_for(lambda: len(processes_of(run)) == 7)
    start = time.monotonic()
    run.cancel()
    ended = run.wait(20)
    assert time.monotonic() - start < 15
    assert ended["state"] == "Canceled"
    assert processes_of(run) == []
    assert "outputs/partial" in run.files
    assert "partial" in "".join(ended["warnings"])


def test_daemons_do_not_outlive_the_script(submit: Submitter):
    run = submit(STUBBORN.format(ends=True))
    assert run.wait(30)["state"] == "Completed"
    assert processes_of(run) == []
    assert "stray-3" in run.log("75_job_post_log.txt")


def test_cancel_while_the_snapshot_is_fetched(tmp_path: Path):
    """The server takes the request and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host, port = silent.getsockname()
        scope = WorkspaceScope("s", "g", "w")
        job = Job(f"http://{host}:{port}", "t", "id", scope, "r", 1, "e", "e", RunDefinition(script="x"), str(tmp_path),
                  snapshot_id="never")  # fmt: skip
        (tmp_path / "job.json").write_bytes(codec.encode(job))
        runner = subprocess.Popen([sys.executable, "-I", "-m", "terrazul.runner", str(tmp_path)])
        log = tmp_path / "azureml-logs" / "75_job_post_log.txt"
        try:
            wait_for((tmp_path / "azureml-logs" / "65_job_prep_log.txt").exists)
            runner.send_signal(signal.SIGTERM)
            wait_for(lambda: log.exists() and "the run is over: Canceled" in log.read_text(), 10)
        finally:
            runner.kill()
            runner.wait()


class FencingServer(BaseHTTPRequestHandler):
    """Takes every write, and tells the third heartbeat that another attempt has taken over."""

    beats = 0
    states: ClassVar[list[str]] = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer: object = WriteAnswer(applied=True)
        if self.path.endswith("/heartbeat"):
            type(self).beats += 1
            answer = HeartbeatAnswer(cancel=False, fenced=self.beats >= 2)
        elif self.path.endswith("/writes"):
            self.states.extend(change.state.value for change in codec.decode(WriteBatch, body).states)
        text = codec.encode(answer)
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object):
        pass


def test_fenced_runner_stops_and_writes_nothing_more(tmp_path: Path):
    with HTTPServer(("127.0.0.1", 0), FencingServer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        scope = WorkspaceScope("s", "g", "w")
        definition = RunDefinition(command=["sleep", "600"], environment=EnvironmentDefinition(user_managed=True))
        job = Job(
            f"http://127.0.0.1:{server.server_port}",
            "t",
            "id",
            scope,
            "r",
            1,
            "e",
            "e",
            definition,
            str(tmp_path / "node" / "environments"),
        )
        (tmp_path / "job.json").write_bytes(codec.encode(job))
        runner = subprocess.run([sys.executable, "-I", "-m", "terrazul.runner", str(tmp_path)], check=False, timeout=30)
        server.shutdown()
    assert runner.returncode == 1
    assert FencingServer.states == ["Preparing", "Starting", "Running"]


def test_cancel_before_the_runner_has_come_up(submit: Submitter):
    run = submit("print('never')")
    wait_for((run.folder / "runner.pid").exists)
    run.cancel()
    assert run.wait(20)["state"] in {"Canceled", "Completed"}


def test_cancel_while_the_environment_is_built(submit: Submitter, tmp_path: Path):
    """A package whose build takes for ever, from an index of the test's own."""
    begun = tmp_path / "begun"
    package = tmp_path / "endless-1.0"
    package.mkdir()
    (package / "setup.py").write_text(f"import time; open({str(begun)!r}, 'w'); time.sleep(600)")
    (package / "pyproject.toml").write_text(
        "[build-system]\nrequires = []\nbuild-backend = 'setup'\nbackend-path = ['.']"
    )
    (package / "PKG-INFO").write_text("Metadata-Version: 1.0\nName: endless\nVersion: 1.0\n")
    links = tmp_path / "links"
    links.mkdir()
    shutil.make_archive(str(links / "endless-1.0"), "gztar", tmp_path, "endless-1.0")
    submit.server.stop()
    submit.server._variables["UV_FIND_LINKS"] = str(links)
    submit.server.start()
    environment = {"name": "endless", "conda_dependencies": {"dependencies": [{"pip": ["endless"]}]}}
    run = submit("print('never')", environment=environment)
    wait_for(begun.exists)
    start = time.monotonic()
    run.cancel()
    assert run.wait(20)["state"] == "Canceled"
    assert time.monotonic() - start < 15
    assert not list(submit.server.home.environments_folder.glob("*.building-*"))


def test_cancel_while_outputs_are_uploaded(submit: Submitter):
    """So much that it takes a while; what was not sent is told of."""
    run = submit(
        "import os\n"
        "for number in range(3):\n"
        "    with open('outputs/%d' % number, 'wb') as file: file.truncate(3 << 30)\n"
        "    os.pwrite(os.open('outputs/%d' % number, os.O_WRONLY), str(number).encode(), 0)\n"
    )
    run.wait_for_line("upload outputs: begins", "75_job_post_log.txt")
    start = time.monotonic()
    run.cancel()
    ended = run.wait(30)
    assert time.monotonic() - start < 15
    assert ended["state"] == "Canceled"
    assert "partial" in "".join(ended["warnings"])


def test_sigterm_to_the_runner_is_cancel(submit: Submitter):
    run = submit("import time; print('on', flush=True); time.sleep(600)")
    run.wait_for_line("on")
    os.kill(run.runner_pid, signal.SIGTERM)
    assert run.wait(20)["state"] == "Canceled"


@pytest.mark.parametrize("polite", [True, False])
def test_script_may_end_in_order(submit: Submitter, polite: bool):
    handler = "signal.signal(signal.SIGTERM, lambda *_: (open('outputs/saved', 'w').write('x'), sys.exit(0)))"
    run = submit(f"import signal, sys, time\n{handler if polite else ''}\nprint('on', flush=True)\ntime.sleep(600)")
    run.wait_for_line("on")
    run.cancel()
    assert run.wait(20)["state"] == "Canceled"
    assert ("outputs/saved" in run.files) is polite
