"""The server away, the runner killed: nothing is lost, nothing comes twice."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from terrazul.testing.submission import TALKATIVE, SubmittedRun, Submitter, wait_for

ALL_ALONE = (
    TALKATIVE
    + """
print('ready', flush=True)
while not os.path.exists('go'):
    time.sleep(0.02)
for number in range(200):
    log('loss', number)
    print('step', number, flush=True)
worst = slowest
write(runs=[{'run_id': run_id + '_child', 'experiment_name': 'tests', 'time': 1, 'parent_run_id': run_id}])
data = os.urandom(3000000)
digest = hashlib.sha256(data).hexdigest()
assert call('POST', '/contents/missing', json.dumps({'digests': [digest]}).encode()) == {'digests': [digest]}
call('PUT', '/contents/' + digest, data)
assert call('POST', '/contents/missing', json.dumps({'digests': [digest]}).encode()) == {'digests': []}
write(artifacts=[{'run_id': run_id, 'path': 'plots/x.bin', 'digest': digest, 'size': len(data), 'time': 1}])
try:
    call('GET', '/runs/' + run_id, None)
except urllib.error.HTTPError as error:
    print('read:', error.code, json.loads(error.read())['code'])
json.dump([worst, digest], open('outputs/told.json', 'w'))
open('logs/late.txt', 'w').write('late')
sys.exit(int(os.path.exists('fail')))
"""
)


def go(run: SubmittedRun) -> None:
    (run.folder / "work" / "go").touch()


def check_everything_is_there(run: SubmittedRun) -> None:
    assert run.metrics["loss"] == list(range(200))
    told = json.loads(run.file("outputs/told.json"))
    assert len(run.file("plots/x.bin")) == 3000000
    assert [line for line in run.log().splitlines() if line.startswith("step")] == [f"step {n}" for n in range(200)]
    assert run.file("logs/late.txt") == b"late"
    child = run.server.call("GET", f"{run.workspace}/runs/{run.run_id}_child")
    assert child["parent_run_id"] == run.run_id
    assert told[0] < 0.25


def test_server_away_for_the_whole_script(submit: Submitter):
    run = submit(ALL_ALONE)
    run.wait_for_line("ready")
    submit.server.kill()
    go(run)
    run.wait_for_line("the run is over", "75_job_post_log.txt")
    assert "read: 503 unavailable" in (run.folder / "azureml-logs" / "70_driver_log.txt").read_text()
    submit.server.start()
    assert run.wait()["state"] == "Completed"
    check_everything_is_there(run)


def test_server_that_comes_back_at_another_port(submit: Submitter):
    run = submit(ALL_ALONE)
    run.wait_for_line("ready")
    before = submit.server.url
    submit.server.kill()
    go(run)
    submit.server.start_elsewhere()
    assert submit.server.url != before
    assert run.wait()["state"] == "Completed"
    check_everything_is_there(run)


def test_server_that_comes_and_goes(submit: Submitter):
    run = submit(ALL_ALONE)
    run.wait_for_line("ready")
    go(run)
    for number in range(4):
        run.wait_for_line(f"step {number * 40}")
        submit.server.kill()
        submit.server.start()
    assert run.wait()["state"] == "Completed"
    check_everything_is_there(run)


def test_killed_runners_remains_are_delivered(submit: Submitter):
    """The server was away, so nothing had been sent when the runner was killed; then it finds the runner gone."""
    run = submit(ALL_ALONE.replace("sys.exit(", "time.sleep(600) or sys.exit("))
    run.wait_for_line("ready")
    submit.server.kill()
    go(run)
    wait_for((run.folder / "work" / "logs" / "late.txt").exists)
    os.kill(run.runner_pid, signal.SIGKILL)
    submit.server.start()
    ended = run.wait()
    assert ended["state"] == "Failed"
    assert "runner was killed" in ended["error"]["message"]
    check_everything_is_there(run)


def test_runner_killed_after_the_end_changes_nothing_of_it(submit: Submitter):
    run = submit(ALL_ALONE)
    run.wait_for_line("ready")
    submit.server.kill()
    go(run)
    run.wait_for_line("the run is over", "75_job_post_log.txt")
    wait_for(lambda: b'"Completed"' in (run.folder / "journal").read_bytes())
    os.kill(run.runner_pid, signal.SIGKILL)
    submit.server.start()
    assert run.wait()["state"] == "Completed"
    check_everything_is_there(run)


def test_delivery_of_what_was_delivered_changes_nothing(submit: Submitter):
    """Also where the note of what was forwarded is lost, and with a journal that ends in a torn entry."""
    run = submit("print('once')")
    before = run.wait()
    events = run.get("/events")
    (run.folder / "delivered").unlink()
    (run.folder / "journal.cursor").unlink()
    with (run.folder / "journal").open("ab") as journal:
        journal.write(b"\0\0\1\0torn")
    command = [sys.executable, "-I", "-m", "terrazul.runner", "--deliver", str(run.folder)]
    subprocess.run(command, check=False, timeout=60)
    assert (run.get(), run.get("/events")) == (before, events)
    assert run.log() == "once\n"


def test_dead_script_is_told(submit: Submitter):
    run = submit("import os; print(os.getpid(), flush=True); import time; time.sleep(600)")
    log = run.folder / "azureml-logs" / "70_driver_log.txt"
    pid = wait_for(lambda: log.exists() and log.read_text().strip())
    os.kill(int(pid), signal.SIGKILL)
    ended = run.wait()
    assert ended["state"] == "Failed"
    assert "signal 9" in ended["error"]["message"]


def test_script_dies_with_its_runner(submit: Submitter):
    run = submit("import os; print(os.getpid(), flush=True); import time; time.sleep(600)")
    log = run.folder / "azureml-logs" / "70_driver_log.txt"
    pid = wait_for(lambda: log.exists() and log.read_text().strip())
    os.kill(run.runner_pid, signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), 5)
    assert run.wait()["state"] == "Failed"


def test_second_runner_leaves_the_first_alone(submit: Submitter):
    run = submit("import time; print('on', flush=True); time.sleep(3)")
    run.wait_for_line("on")
    for options in ([], ["--deliver"]):
        command = [sys.executable, "-I", "-m", "terrazul.runner", *options, str(run.folder)]
        second = subprocess.run(command, check=False, capture_output=True, text=True, timeout=20)
        assert second.returncode == 2
        assert "Another runner is at work" in second.stderr
    assert run.wait()["state"] == "Completed"


def test_flood_of_output_leaves_the_runner_small(submit: Submitter):
    """200 MB at full speed, with a line of 10 MB, raw bytes and colours; the runner stays small."""
    run = submit(
        "import os, sys\n"
        "out = sys.stdout.buffer\n"
        "for number in range(190):\n"
        "    out.write(b'%06d ' % number + os.urandom(500000) + b'\\n' + b'\\x1b[31mred\\x1b[0m' * 50000 + b'\\n')\n"
        "out.write(b'x' * 10_000_000 + b'\\n')\n"
        "out.flush(); print('end of flood', flush=True)\n"
        "import time; time.sleep(2)"
    )
    log = run.folder / "azureml-logs" / "70_driver_log.txt"
    wait_for(lambda: log.exists() and log.read_bytes()[-13:] == b"end of flood\n")
    status = Path(f"/proc/{run.runner_pid}/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    expected = log.read_bytes()
    ended = run.wait()
    assert ended["state"] == "Completed", ended["error"]
    assert run.file("azureml-logs/70_driver_log.txt") == expected
    assert peak < 120_000
