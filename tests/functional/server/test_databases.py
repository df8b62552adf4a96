"""Starting on PostgreSQL: what is told where it does not work, and that the password is told nowhere."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from terrazul.testing.postgresql import QUOTED_PASSWORD, PostgresqlCluster
from terrazul.testing.server import RunningServer
from terrazul.testing.submission import Submitter

SECRETS = ("p@ss/wörd", QUOTED_PASSWORD, "wörd")
SHOW = "import os\nfor name, value in os.environ.items(): print(name, value)"


def start(home: Path, *options: str, database: str = "") -> str:
    """What a server says that does not start."""
    command = [sys.executable, "-m", "terrazul.server", "--home", str(home), "--port", "0", *options]
    ended = subprocess.run(
        command,
        env={**os.environ, "TERRAZUL_DATABASE": database},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 1, ended
    assert "Traceback" not in ended.stderr
    assert not any(secret in ended.stderr + ended.stdout for secret in SECRETS)
    return ended.stderr


def test_database_that_is_not_there_is_told_with_host_and_name(tmp_path: Path):
    told = start(tmp_path, database=f"postgresql://me:{QUOTED_PASSWORD}@127.0.0.1:1/team")
    assert "postgresql://127.0.0.1:1/team cannot be reached" in told
    assert "refused" in told
    told = start(tmp_path, database=f"postgresql://me:{QUOTED_PASSWORD}@nowhere.invalid/team")
    assert "postgresql://nowhere.invalid/team cannot be reached" in told


def test_wrong_password_and_wrong_name_are_told(tmp_path: Path, postgresql: PostgresqlCluster):
    address = postgresql.make_database()
    assert "password authentication failed" in start(tmp_path, database=address.replace("p%40ss", "other"))
    assert "does not exist" in start(tmp_path, database=address.rpartition("/")[0] + "/nowhere")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("mysql://me:p%40ss%2Fw%C3%B6rd@host/x", "not the address of a PostgreSQL database"),
        ("postgresql://me:p%40ss%2Fw%C3%B6rd@host:port:what/x", "cannot be"),
        ("postgresql://me:p%40ss%2Fw%C3%B6rd@host/x?nonsense=1", "cannot be read"),
    ],
)
def test_address_that_is_none_is_told(tmp_path: Path, address: str, told: str):
    assert told in start(tmp_path, database=address)


def test_several_processes_need_postgresql(tmp_path: Path):
    assert "2 processes cannot share an SQLite database" in start(tmp_path, "--processes", "2")


def test_database_of_another_server_is_refused(tmp_path: Path, postgresql: PostgresqlCluster):
    address = postgresql.make_database()
    server = RunningServer(tmp_path / "one", database=address)
    server.start()
    told = start(tmp_path / "two", database=address)
    assert "is used by another server" in told
    server.stop()


@pytest.fixture
def team(tmp_path: Path, postgresql: PostgresqlCluster) -> Iterator[RunningServer]:
    server = RunningServer(tmp_path / "home", "--processes", "2", database=postgresql.make_database())
    server.start()
    yield server
    server.stop()


def test_password_is_told_nowhere(team: RunningServer):
    submit = Submitter(team)
    run = submit(SHOW)
    run.wait()
    status = team.call("GET", "/api/v1/server/status")
    assert status["database"].startswith("postgresql://127.0.0.1:")
    assert status["processes"] == 2
    processes = [psutil.Process(team.pid), *psutil.Process(team.pid).children(recursive=True)]
    lines = [" ".join(each.cmdline()) for each in processes if each.status() != psutil.STATUS_ZOMBIE]
    texts = [run.log(), str(status), team.home.log_file.read_text(), team.home.server_file.read_text(), *lines]
    texts += [file.read_text(errors="replace") for file in run.folder.rglob("*") if file.is_file()]
    assert "AZUREML_RUN_ID" in run.log()
    assert not any(secret in text for secret in SECRETS for text in texts)
    submit.close()


def test_text_that_the_database_cannot_keep_is_refused_by_itself(postgresql: PostgresqlCluster, tmp_path: Path):
    server = RunningServer(tmp_path / "home", database=postgresql.make_database())
    server.start()
    workspace = server.workspace()
    points = [
        {"run_id": "r", "name": "m", "value": value, "time": 1, "step": step}
        for step, value in enumerate(["a", "b\0c", "d"])
    ]
    changes = [{"run_id": "r", "set_tags": {"k": text}} for text in ("a\0", "b" * 100_000)]
    runs = [{"run_id": "r", "experiment_name": "e", "time": 1}]
    batch = {"writer": "w", "sequence": 1, "runs": runs, "metrics": points, "changes": changes}
    answer = server.call("POST", f"{workspace}/writes", batch)
    assert [(each["kind"], each["index"]) for each in answer["refusals"]] == [("changes", 0), ("metrics", 1)]
    assert all("NUL" in each["message"] for each in answer["refusals"])
    (metric,) = server.call("GET", f"{workspace}/runs/r/metrics")[0]["metrics"]
    assert metric["values"] == ["a", "d"]
    assert server.call("GET", f"{workspace}/runs/r")["tags"] == {"k": "b" * 100_000}
    refused = server.ask("GET", f"{workspace}/runs?tag=k%3Da%00b")
    assert refused.status == 400
    assert b"NUL" in refused.body
    server.stop()
