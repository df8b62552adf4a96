"""Starting, stopping and examining the platform, with its real process."""

import os
import signal
import socket
import stat
import subprocess
from pathlib import Path

import psutil
import pytest

from terrazul.testing.postgresql import QUOTED_PASSWORD, PostgresqlCluster
from terrazul.testing.server import RunningServer
from terrazul.testing.submission import is_alive, wait_for

from .conftest import TERRAZUL, Shell

pytestmark = pytest.mark.functional


def test_up_starts_a_server_that_answers_and_down_stops_it(terrazul: Shell):
    started = terrazul("up")
    assert started.returncode == 0, started.stderr
    assert "Terrazul is running." in started.stderr
    assert f"home        {terrazul.home.path}" in started.stdout
    assert "terrazul down" in started.stdout
    status = terrazul.json("status")
    assert status["running"] is True
    assert status["url"] in started.stdout
    stopped = terrazul("down")
    assert (stopped.returncode, stopped.stdout) == (0, "Terrazul has stopped.\n")
    assert terrazul("status").returncode == 3
    assert not terrazul.home.server_file.exists()


def test_home_token_and_log_are_closed_to_others(terrazul: Shell):
    terrazul("up")
    for path in (terrazul.home.path, terrazul.home.token_file, terrazul.home.log_file, terrazul.home.server_file):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_up_twice_leaves_the_server_as_it_is(terrazul: Shell):
    terrazul("up")
    before = terrazul.json("status")["pid"]
    again = terrazul("up", "--port", "9999")
    assert again.returncode == 0
    assert "runs already" in again.stderr
    assert terrazul.json("status")["pid"] == before


def test_two_at_the_same_moment_start_one_server(terrazul: Shell):
    lines = [
        subprocess.Popen([TERRAZUL, "up"], env=terrazul.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    addresses = set()
    for line in lines:
        output, errors = line.communicate(timeout=60)
        assert line.returncode == 0, errors
        addresses.add(output.split()[1])
    assert len(addresses) == 1
    assert b"http://" in addresses.pop()


def test_port_that_is_taken_is_told(terrazul: Shell):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        refused = terrazul("up", "--port", port)
        assert refused.returncode == 1
        assert refused.stderr.startswith(f"error: Port {port} of 127.0.0.1 cannot be used: Address already in use.")
        assert "--port" in refused.stderr
        found = terrazul("doctor", TERRAZUL_PORT=port)
        assert found.returncode == 1
        assert f"port: {port} of 127.0.0.1 cannot be used" in found.stdout


def test_platform_runs_on_postgresql(terrazul: Shell, postgresql: PostgresqlCluster):
    address = postgresql.make_database()
    started = terrazul("up", "--database", address, "--processes", "2")
    assert started.returncode == 0, started.stderr
    status = terrazul.json("status")
    assert status["database"] == f"postgresql://127.0.0.1:{postgresql.port}/{address.rpartition('/')[2]}"
    assert status["processes"] == 2
    family = [psutil.Process(status["pid"]), *psutil.Process(status["pid"]).children()]
    assert len(family) == 3
    assert not any(QUOTED_PASSWORD in word for process in family for word in process.cmdline())
    assert not terrazul.home.database_file.exists()
    assert terrazul("workspace", "create", "-w", "team").returncode == 0
    assert terrazul("down").returncode == 0
    wait_for(lambda: not any(is_alive(process.pid) for process in family), 5)
    assert terrazul("up", TERRAZUL_DATABASE=address).returncode == 0
    assert "team" in terrazul("workspace", "list").stdout


def test_wrong_settings_of_a_team_are_told(terrazul: Shell):
    refused = terrazul("up", "--processes", "2")
    assert refused.returncode == 1
    assert "cannot share an SQLite database" in refused.stderr
    refused = terrazul("up", "--database", f"postgresql://me:{QUOTED_PASSWORD}@127.0.0.1:1/team")
    assert refused.returncode == 1
    assert "postgresql://127.0.0.1:1/team cannot be reached" in refused.stderr
    assert QUOTED_PASSWORD not in refused.stderr + terrazul.home.log_file.read_text()


def test_home_that_cannot_be_made_is_told(terrazul: Shell, tmp_path: Path):
    (tmp_path / "file").write_text("not a folder")
    refused = terrazul("up", "--home", str(tmp_path / "file" / "home"))
    assert refused.returncode == 1
    assert "cannot be made" in refused.stderr
    assert "--home" in refused.stderr


def test_missing_package_is_told_with_its_cure(terrazul: Shell, tmp_path: Path):
    shadow = tmp_path / "shadow" / "uvicorn.py"
    shadow.parent.mkdir()
    shadow.write_text("raise ModuleNotFoundError(\"No module named 'uvicorn'\")\n")
    refused = terrazul("up", PYTHONPATH=str(shadow.parent))
    assert refused.returncode == 1
    assert "needs the package 'uvicorn'" in refused.stderr
    assert 'pip install "terrazul[server]"' in refused.stderr


def test_start_that_fails_otherwise_shows_the_last_lines_of_the_log(terrazul: Shell):
    terrazul.home.database_file.parent.mkdir(parents=True)
    terrazul.home.database_file.write_bytes(b"this is no database" * 100)
    refused = terrazul("up")
    assert refused.returncode == 1
    assert "file is not a database" in refused.stderr
    assert refused.stderr.splitlines()[-1].startswith("error: The server ended while it was starting.")


def test_what_a_dead_server_left_behind_does_not_deceive(terrazul: Shell):
    terrazul.home.path.mkdir()
    terrazul.home.server_file.write_text('{"url": "http://127.0.0.1:1", "pid": ')
    terrazul.home.lock_file.write_text(str(os.getpid()))
    assert terrazul("status").returncode == 3
    assert "left behind" in terrazul("doctor").stdout
    assert terrazul("up").returncode == 0
    assert terrazul("status").returncode == 0


def test_server_that_was_killed_comes_up_again(terrazul: Shell):
    terrazul("up")
    os.kill(terrazul.json("status")["pid"], signal.SIGKILL)
    assert terrazul("up").returncode == 0
    assert terrazul("status").returncode == 0


def test_damaged_server_file_of_a_living_server_is_told_and_mended(terrazul: Shell):
    terrazul("up")
    terrazul.home.server_file.write_text("{")
    assert "server.json is missing or damaged" in terrazul("doctor").stdout
    assert terrazul("down").returncode == 0
    assert terrazul("up").returncode == 0


def test_down_without_a_server_is_not_found(terrazul: Shell):
    stopped = terrazul("down")
    assert stopped.returncode == 3
    assert str(terrazul.home.path) in stopped.stderr


def test_foreground_stays_until_it_is_told_to_end(terrazul: Shell):
    line = subprocess.Popen([TERRAZUL, "up", "--foreground"], env=terrazul.environment, stderr=subprocess.PIPE)
    while terrazul("status").returncode != 0:
        assert line.poll() is None
    line.send_signal(signal.SIGINT)
    _output, errors = line.communicate(timeout=30)
    assert b"Ctrl-C stops it" in errors
    assert terrazul("status").returncode == 3


def test_option_wins_over_variable(terrazul: Shell):
    port = str(_free_port())
    assert terrazul("up", "--port", port, TERRAZUL_PORT="1").returncode == 0
    assert terrazul.json("status")["url"].endswith(f":{port}")


@pytest.mark.parametrize(
    ("words", "variables", "told"),
    [
        (["up", "--port", "70000"], {}, "--port is 70000, and must be between 0 and 65535."),
        (["up"], {"TERRAZUL_PORT": "many"}, "TERRAZUL_PORT is 'many'"),
        (["up", "--log-limit", "-1"], {}, "--log-limit is -1, and must be 0 or more."),
    ],
)
def test_wrong_setting_is_told_before_anything_starts(
    terrazul: Shell, words: list[str], variables: dict[str, str], told: str
):
    refused = terrazul(*words, **variables)
    assert refused.returncode == 2
    assert told in refused.stderr
    assert not terrazul.home.path.exists()


def test_status_and_doctor_follow_the_variables_to_another_server(terrazul: Shell, server: RunningServer):
    variables = {"TERRAZUL_SERVER": server.url, "TERRAZUL_TOKEN": server.token}
    status = terrazul("status", "-o", "tsv", "--query", "home", **variables)
    assert status.stdout == f"{server.home.path}\n"
    assert f"speak to {server.url}" in terrazul("doctor", **variables).stdout
    refused = terrazul("status", **{**variables, "TERRAZUL_TOKEN": "wrong"})
    assert "The token is not valid." in refused.stderr
    warned = terrazul("up", **variables)
    assert f"TERRAZUL_SERVER is {server.url}" in warned.stderr


def test_doctor_finds_what_is_open_to_others(terrazul: Shell):
    terrazul("up")
    assert terrazul("doctor").returncode == 0
    terrazul.home.token_file.chmod(0o644)
    findings = terrazul("doctor", "-o", "json", "--query", "[?level=='error'].[subject, advice]")
    assert findings.returncode == 1
    assert "chmod 600" in findings.stdout


def test_doctor_finds_variables_of_a_run(terrazul: Shell):
    found = terrazul("doctor", AZUREML_RUN_ID="r1", MLFLOW_TRACKING_URI="http://elsewhere")
    assert "warning  AZUREML_RUN_ID" in found.stdout
    assert "warning  MLFLOW_TRACKING_URI: is set to http://elsewhere" in found.stdout


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
