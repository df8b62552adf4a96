"""Deleting while the server is killed, and while others name what is about to be collected."""

import hashlib
import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from terrazul.testing.server import Refused, RunningServer
from terrazul.testing.submission import wait_for
from terrazul.wire import pack

SEED = 20261
RUNS = 300
POINTS = 200
ROUNDS = 4


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def send(server: RunningServer, workspace: str, *contents: bytes) -> None:
    body = b"".join(pack.encode_header(digest_of(each), len(each)) + each for each in contents)
    server.call("POST", f"{workspace}/contents", body)


def make_runs(server: RunningServer, workspace: str, experiment: str, number: int) -> None:
    """Runs with points, tags and a file each, in one batch."""
    names = [f"{experiment}-{index}" for index in range(number)]
    send(server, workspace, *(name.encode() * 100 for name in names))
    batch = {
        "writer": f"of {experiment}",
        "sequence": 1,
        "runs": [{"run_id": name, "experiment_name": experiment, "time": 1, "tags": {"a": "b"}} for name in names],
        "metrics": [
            {"run_id": name, "name": "loss", "value": step, "time": 1, "step": step}
            for name in names
            for step in range(POINTS)
        ],
        "artifacts": [
            {"run_id": name, "path": "f", "digest": digest_of(name.encode() * 100), "size": len(name) * 100, "time": 1}
            for name in names
        ],
        "states": [{"run_id": name, "state": "Completed", "time": 2} for name in names],
    }
    assert server.call("POST", f"{workspace}/writes", batch)["refusals"] == []


@contextmanager
def database_of(server: RunningServer) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"file:{server.home.database_file}?mode=ro", uri=True)
    try:
        yield connection
    finally:
        connection.close()


def check_gone(server: RunningServer, workspace: str) -> None:
    """Nothing of the deleted experiment can be seen, whatever is left of it."""
    assert server.call("GET", f"{workspace}/experiments?view=all&name=going") == []
    assert server.call("GET", f"{workspace}/runs?view=all&include_children=true&limit=1000")["runs"] == kept_runs(
        server, workspace
    )
    for index in (0, RUNS // 2, RUNS - 1):
        for part in ("", "/metrics", "/artifacts"):
            answer = server.ask("GET", f"{workspace}/runs/going-{index}{part}")
            assert answer.status == 404, answer


def kept_runs(server: RunningServer, workspace: str) -> Any:
    found = server.call("GET", f"{workspace}/runs?experiment_name=kept&limit=1000")["runs"]
    assert len(found) == 3
    return found


def test_server_is_killed_again_and_again_while_it_deletes(server: RunningServer):
    chance = random.Random(SEED)  # noqa: S311  # chance, not a secret
    workspace = server.workspace()
    make_runs(server, workspace, "kept", 3)
    make_runs(server, workspace, "going", RUNS)
    (experiment,) = server.call("GET", f"{workspace}/experiments?name=going")
    order = {"deletion_id": "d", "selection": {"experiment_ids": [experiment["experiment_id"]]}}
    assert server.call("POST", f"{workspace}/deletions", order)["runs"] == RUNS
    for _ in range(ROUNDS):
        check_gone(server, workspace)
        server.kill()
        server.start()
        check_gone(server, workspace)
        time.sleep(chance.uniform(0, 0.1))
    assert server.call("POST", f"{workspace}/deletions", order)["runs"] == RUNS  # sent twice, it counts once
    make_runs(server, workspace, "after", 1)
    done = server.call("GET", f"{workspace}/deletions/d?wait=30")
    assert (done["state"], done["freed_bytes"]) == ("Done", sum(len(f"going-{index}") * 100 for index in range(RUNS)))
    check_after(server, workspace)


def check_after(server: RunningServer, workspace: str) -> None:
    """No row and no byte is left of what was deleted; what was kept is whole."""
    with database_of(server) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        left = {
            name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # our own names
            for name in TABLES
        }
    assert left == {
        "run": 4, "experiment": 2, "run_tag": 4, "artifact": 4, "metric": 4, "metric_point": 4 * POINTS,
        "run_event": 8, "content": 4, "dead_object": 0,
    }  # fmt: skip
    for index in range(3):
        name = f"kept-{index}"
        assert server.call("GET", f"{workspace}/runs/{name}/artifact?path=f") == name.encode() * 100
    assert not any(b"going-" in each.read_bytes() for each in server.home.blobs_folder.rglob("*") if each.is_file())


TABLES = (
    "run", "experiment", "run_tag", "artifact", "metric", "metric_point", "run_event", "content", "dead_object",
)  # fmt: skip


def test_what_is_named_while_it_is_collected_stays(server: RunningServer):
    """Some register models of contents that others delete at that moment: a registration fails, or its bytes stay."""
    workspace = server.workspace()
    made: list[tuple[str, bytes]] = []
    faults: list[object] = []

    def register(worker: int) -> None:
        for turn in range(25):
            data = f"content {turn % 5}".encode() * 200
            file = {"path": "f", "digest": digest_of(data), "size": len(data)}
            new = {"name": f"m{worker}", "registration_id": f"{worker}-{turn}", "files": [file]}
            try:
                if worker:
                    send(server, workspace, data)
                made.append((server.call("POST", f"{workspace}/models", new)["id"], data))
            except Refused as refused:
                if worker or refused.status != 400:
                    faults.append(refused)

    def delete() -> None:
        for turn in range(25):
            data = f"content {turn % 5}".encode() * 200
            name = f"run-{turn}"
            send(server, workspace, data)
            batch = {
                "writer": name,
                "sequence": 1,
                "runs": [{"run_id": name, "experiment_name": "e", "time": 1}],
                "artifacts": [{"run_id": name, "path": "f", "digest": digest_of(data), "size": len(data), "time": 1}],
                "states": [{"run_id": name, "state": "Completed", "time": 2}],
            }
            server.call("POST", f"{workspace}/writes", batch)
            server.call("DELETE", f"{workspace}/runs/{name}")

    workers = [threading.Thread(target=register, args=(worker,)) for worker in range(3)]
    workers.append(threading.Thread(target=delete))
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert faults == []
    wait_for(lambda: all(each["state"] == "Done" for each in server.call("GET", f"{workspace}/deletions")))
    assert len(made) >= 50
    for model_id, data in made:
        assert server.call("GET", f"{workspace}/models/{model_id}/file?path=f") == data
