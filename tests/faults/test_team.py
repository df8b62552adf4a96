"""Several processes over one PostgreSQL: killed, led by another, without their database; nothing is lost or doubled."""

import contextlib
import http.client
import json
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from terrazul.testing.crew import connected_to, leader, members
from terrazul.testing.postgresql import PostgresqlCluster
from terrazul.testing.server import Refused, RunningServer
from terrazul.testing.submission import Submitter, is_alive, wait_for

SEED = 20260
KILLS = 6
WRITERS = 4
SCOPE = {"subscription_id": "local", "resource_group": "terrazul", "name": "testing"}


@pytest.fixture
def cluster() -> Iterator[PostgresqlCluster]:
    """A PostgreSQL of the test's own, which it may stop."""
    made = PostgresqlCluster()
    yield made
    made.remove()


@pytest.fixture
def team(tmp_path: Path, cluster: PostgresqlCluster) -> Iterator[RunningServer]:
    server = RunningServer(tmp_path / "home", "--processes", "2", database=cluster.make_database())
    server.start()
    yield server
    server.stop()


class Writer(threading.Thread):
    """Makes a run after another and logs to it; what was not acknowledged is sent again."""

    def __init__(self, server: RunningServer, workspace: str, number: int) -> None:
        super().__init__(daemon=True)
        self.name = f"writer{number}"
        self.acknowledged = 0
        self.versions: list[int] = []
        self.numbers: list[str] = []
        self.ending = threading.Event()
        self._server = server
        self._workspace = workspace

    def run(self) -> None:
        while not self.ending.is_set():
            value = self.acknowledged + 1
            run = {"run_id": f"{self.name}.{value}", "experiment_name": "team", "time": value}
            point = {"run_id": run["run_id"], "name": "m", "value": value, "time": value, "step": value}
            body = {"writer": self.name, "sequence": value, "runs": [run], "metrics": [point]}
            if self._send(f"{self._workspace}/writes", body) is None:
                return
            self.acknowledged = value
            model = {"name": "model", "registration_id": run["run_id"], "files": [], "description": self.name}
            model["files"] = [{"path": "f", "digest": CONTENT, "size": 1}]
            made = self._send(f"{self._workspace}/models", model)
            if made is not None:
                self.versions.append(made["version"])
            name = {"name": f"{self.name}-{value}"}
            created = self._send(f"{self._workspace}/mlflow/api/2.0/mlflow/experiments/create", name)
            if created is not None:
                self.numbers.append(created.get("experiment_id", ""))

    def _send(self, path: str, body: Any) -> Any:
        while not self.ending.is_set():
            answer = self._try_to_send(path, body)
            if answer is not None:
                return answer
            time.sleep(0.02)
        return None

    def _try_to_send(self, path: str, body: Any) -> Any:
        try:
            return self._server.call("POST", path, body)
        except Refused as refused:
            if refused.body.get("error_code") == "RESOURCE_ALREADY_EXISTS":
                return {}
            if refused.status != 503:
                raise
        except (OSError, http.client.HTTPException):
            pass
        return None


CONTENT = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
"""The digest of "x"."""


def test_processes_are_killed_again_and_again_while_writers_write(team: RunningServer):
    workspace = team.workspace()
    team.ask("PUT", f"{workspace}/contents/{CONTENT}", b"x")
    chance = random.Random(SEED)  # noqa: S311  # chance, not a secret
    writers = [Writer(team, workspace, number) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    for number in range(KILLS):
        time.sleep(chance.uniform(0.1, 0.6))
        if number == KILLS // 2:
            team.kill()
            team.start()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(members(team)), signal.SIGKILL)
        wait_for(lambda: len(members(team)) == 2)
    for writer in writers:
        writer.ending.set()
    for writer in writers:
        writer.join(60)
    check_history(team, workspace, writers)


def check_history(server: RunningServer, workspace: str, writers: list[Writer]) -> None:
    """Every acknowledged write is there, once; runs, versions and experiments are numbered without gaps and doubles."""
    runs, page = [], ""
    while page is not None:
        answer = server.call("GET", f"{workspace}/runs?experiment_name=team&limit=1000{page}")
        runs += answer["runs"]
        page = f"&page={answer['next_page']}" if answer["next_page"] else None
    assert sorted(run["number"] for run in runs) == list(range(1, len(runs) + 1))
    ids = {run["run_id"] for run in runs}
    for writer in writers:
        assert writer.acknowledged > 0
        assert {f"{writer.name}.{value}" for value in range(1, writer.acknowledged + 1)} <= ids
        for value in (1, writer.acknowledged):
            (metric,) = server.call("GET", f"{workspace}/runs/{writer.name}.{value}/metrics")[0]["metrics"]
            assert metric["values"] == [value]
    versions = [version for writer in writers for version in writer.versions]
    assert len(set(versions)) == len(versions)
    assert max(versions) <= len(versions) + len(writers)
    numbers = [number for writer in writers for number in writer.numbers if number]
    assert len(set(numbers)) == len(numbers)


def test_another_process_leads_when_the_leader_is_killed(team: RunningServer, cluster: PostgresqlCluster):
    submit = Submitter(team)
    first = submit("import time\nprint('on', flush=True)\ntime.sleep(3)")
    first.wait_for_line("on")
    killed = leader(team, cluster)
    os.kill(killed, signal.SIGKILL)
    begin = time.monotonic()
    second = submit("print('done')")
    assert leader(team, cluster) != killed
    assert time.monotonic() - begin < 5
    assert second.wait()["state"] == "Completed"
    assert first.wait()["state"] == "Completed"
    assert first.get()["attempt"] == 1
    submit.close()


def test_leader_of_a_stopped_server_leaves_nothing_and_runs_go_on(team: RunningServer):
    submit = Submitter(team)
    run = submit("import time\nprint('on', flush=True)\ntime.sleep(2)")
    run.wait_for_line("on")
    processes = members(team)
    team.kill()
    wait_for(lambda: not any(is_alive(process) for process in processes), 5)
    team.start()
    assert run.wait()["state"] == "Completed"
    submit.close()


def test_database_is_restarted_under_the_server(team: RunningServer, cluster: PostgresqlCluster):
    workspace = team.workspace()
    writer = Writer(team, workspace, 0)
    team.ask("PUT", f"{workspace}/contents/{CONTENT}", b"x")
    writer.start()
    wait_for(lambda: writer.acknowledged > 3)
    cluster.kill()
    for path in ("/api/v1/workspaces", f"{workspace}/mlflow/api/2.0/mlflow/experiments/get?experiment_id=0"):
        answer = wait_for(lambda path=path: unavailable(team, path))
        assert answer.headers["retry-after"] == "1"
        assert b"127.0.0.1" in answer.body
        assert b"p@ss" not in answer.body
    assert team.ask("GET", "/health", token="").status == 200
    known = writer.acknowledged
    cluster.start()
    wait_for(lambda: writer.acknowledged > known + 3, 15)
    writer.ending.set()
    writer.join(30)
    check_history(team, workspace, [writer])
    submit = Submitter(team)
    assert submit("print('done')").wait()["state"] == "Completed"
    submit.close()


def unavailable(server: RunningServer, path: str) -> Any:
    answer = server.ask("GET", path)
    assert answer.status in {200, 503}, answer
    return answer if answer.status == 503 else None


def test_idle_server_does_not_notice_that_its_database_was_restarted(team: RunningServer, cluster: PostgresqlCluster):
    workspace = team.workspace()
    for process in members(team):
        with connected_to(team, process) as client:
            assert client.ask("GET", f"{workspace}/runs", token=team.token).status == 200
    cluster.stop()
    cluster.start()
    for number, process in enumerate(members(team)):
        with connected_to(team, process) as client:
            assert client.ask("GET", f"{workspace}/runs", token=team.token).status == 200
            body = {"writer": str(number), "sequence": 1}
            assert client.ask("POST", f"{workspace}/writes", body, token=team.token).status < 300


def test_what_one_process_takes_away_is_gone_in_the_other_within_a_second(team: RunningServer):
    submit = Submitter(team)
    run = submit("import os, time\nprint('on', flush=True)\ntime.sleep(60)")
    run.wait_for_line("on")
    token = json.loads((run.folder / "job.json").read_text())["token"]
    first, second = members(team)
    path = f"{run.workspace}/runs/{run.run_id}"
    with connected_to(team, first) as one, connected_to(team, second) as other:
        assert {one.ask("GET", path, token=token).status, other.ask("GET", path, token=token).status} == {200}
        one.ask("POST", f"{path}/cancel", token=team.token)
        assert run.wait()["state"] == "Canceled"
        time.sleep(1)
        assert {one.ask("GET", path, token=token).status, other.ask("GET", path, token=token).status} == {401}
        unwanted = team.workspace("unwanted")
        assert {each.ask("GET", unwanted, token=team.token).status for each in (one, other)} == {200}
        assert one.ask("DELETE", unwanted, token=team.token).status < 300
        time.sleep(1)
        assert {each.ask("GET", unwanted, token=team.token).status for each in (one, other)} == {404}
    submit.close()


def test_who_waits_at_one_process_hears_of_changes_at_the_other_at_once(team: RunningServer):
    workspace = team.workspace()
    runs = [{"run_id": "r", "experiment_name": "e", "time": 1}]
    team.call("POST", f"{workspace}/writes", {"writer": "w", "sequence": 1, "runs": runs})
    state = team.call("GET", f"{workspace}/runs/r")["state"]
    first, second = members(team)
    delays = []
    with connected_to(team, first) as one, connected_to(team, second) as other:
        for number in range(3):
            path = f"{workspace}/runs/r/log?path=logs/a.txt&offset={number}&wait=20"
            heard: list[float] = []

            def wait(path: str = path, heard: list[float] = heard) -> None:
                one.ask("GET", path, token=team.token)
                heard.append(time.monotonic())

            waiting = threading.Thread(target=wait)
            waiting.start()
            time.sleep(0.7)  # it looks for itself every half second: this falls between two looks
            begin = time.monotonic()
            address = f"{workspace}/runs/r/log?path=logs/a.txt&offset={number}"
            assert other.ask("POST", address, number, token=team.token).status < 300
            waiting.join(20)
            delays.append(heard[0] - begin)
    assert min(delays) < 0.15, delays
    assert state == "Running"


def test_a_member_that_ends_is_replaced_and_down_ends_all(team: RunningServer):
    before = members(team)
    os.kill(before[0], signal.SIGKILL)
    wait_for(lambda: len(members(team)) == 2 and before[0] not in members(team), 10)
    family = [team.pid, *members(team)]
    assert team.call("GET", "/api/v1/server/status")["pid"] == team.pid
    team.stop()
    assert not any(psutil.pid_exists(each) and is_alive(each) for each in family)
