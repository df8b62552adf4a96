"""Environments go when they take too much room, but never one that somebody uses, however its user is doing."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from terrazul.node.environment import eviction, ready, use
from terrazul.node.environment.interpreter import Interpreter
from terrazul.node.environment.plan import Recipe
from terrazul.node.log import TimedLog
from terrazul.testing.server import RunningServer
from terrazul.testing.submission import Submitter

SIZE = 100_000
HOLDER = """
import sys, time
from pathlib import Path
from terrazul.node.environment import use
use.hold(Path(sys.argv[1]))
print('held', flush=True)
time.sleep(600)
"""


def made(folder: Path, name: str, used_at: float) -> Path:
    """An environment of 100 kB that was last used then."""
    recipe = Recipe(name, Interpreter(sys.executable, sys.version_info[:2]), [name], [])
    home = folder / recipe.key
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "python").symlink_to(sys.executable)
    package = home / "lib" / "python3" / "site-packages" / "content-1.dist-info"
    package.mkdir(parents=True)
    (package / "RECORD").write_text(f'content.py,,{SIZE // 2}\n"a,b.py",sha256=x,{SIZE - SIZE // 2}\nRECORD,,\n')
    ready.mark(recipe, home)
    file = home.with_name(f"{home.name}.used")
    file.touch()
    os.utime(file, (used_at, used_at))
    return home


@pytest.fixture
def log(tmp_path: Path) -> TimedLog:
    return TimedLog(tmp_path / "log.txt")


def test_least_used_go_until_the_rest_fits_and_the_log_tells(tmp_path: Path, log: TimedLog):
    folder = tmp_path / "environments"
    homes = [made(folder, f"e{number}", 1000 + number) for number in range(4)]
    eviction.make_room(folder, int(2.5 * SIZE), log)
    assert [home.exists() for home in homes] == [False, False, True, True]
    assert "removed the environment 'e0'" in log.file.read_text()
    eviction.make_room(folder, int(2.5 * SIZE), log)
    assert [home.exists() for home in homes] == [False, False, True, True]
    assert not list(folder.glob("*.evicted-*"))


def test_environment_in_use_stays_until_its_user_is_gone(tmp_path: Path, log: TimedLog):
    folder = tmp_path / "environments"
    oldest, newest = made(folder, "oldest", 1), made(folder, "newest", 2)
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(oldest)], stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout
            assert holder.stdout.readline() == b"held\n"
            os.utime(oldest.with_name(f"{oldest.name}.used"), (1, 1))
            eviction.make_room(folder, SIZE // 2, log)
            assert (oldest.exists(), newest.exists()) == (True, False)
            assert "the environments in use take" in log.file.read_text()
        finally:
            holder.send_signal(signal.SIGKILL)
    eviction.make_room(folder, SIZE // 2, log)
    assert not oldest.exists()


def test_script_whose_runner_was_killed_keeps_its_environment(tmp_path: Path, log: TimedLog):
    """It holds no lock, but its command line or its variables name the environment."""
    folder = tmp_path / "environments"
    home = made(folder, "orphaned", 1)
    variables = {**os.environ, "VIRTUAL_ENV": str(home)}
    script = "print('runs', flush=True); import time; time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=variables) as orphan:
        try:
            assert orphan.stdout
            assert orphan.stdout.readline() == b"runs\n"
            eviction.make_room(folder, 1, log)
            assert home.exists()
        finally:
            orphan.kill()
    eviction.make_room(folder, 1, log)
    assert not home.exists()


def test_what_a_killed_process_left_half_done_goes(tmp_path: Path, log: TimedLog):
    folder = tmp_path / "environments"
    home = made(folder, "whole", 1)
    leftovers = [folder / f"{home.name}.evicted-x", folder / f"{home.name}.building-x"]
    of_another_kind = folder / "data.building-x"
    for each in [*leftovers, of_another_kind]:
        (each / "lib").mkdir(parents=True)
    (folder / f"{home.name}.lock").touch()
    eviction.make_room(folder, 10 * SIZE, log)
    assert [each.exists() for each in [home, *leftovers, of_another_kind]] == [True, False, False, True]


def test_nobody_begins_to_use_what_is_being_removed(tmp_path: Path):
    home = made(tmp_path, "going", 1)
    with use.nobody_uses(home) as free:
        assert free
        with subprocess.Popen([sys.executable, "-c", HOLDER, str(home)], stdout=subprocess.PIPE) as holder:
            try:
                with use.nobody_uses(home) as also_free:
                    assert not also_free
            finally:
                holder.kill()


WAITS = """
import os, pathlib, sys, time
print('runs', flush=True)
while not pathlib.Path({go!r}).exists(): time.sleep(0.05)
print(os.path.exists(os.path.join(sys.prefix, 'pyvenv.cfg')))
"""


def test_run_keeps_its_environment_while_others_are_built(tmp_path: Path):
    """Where all environments together may take one byte, each is there for as long as its run."""
    go = tmp_path / "go"
    variables = {"UV_NO_INDEX": "1", "UV_OFFLINE": "1", "TERRAZUL_ENVIRONMENTS_BYTES": "1"}
    server = RunningServer(tmp_path / "home", variables=variables)
    server.start()
    submit = Submitter(server)
    try:
        first = submit(WAITS.format(go=str(go)), environment=empty())
        first.wait_for_line("runs")
        second = submit("print(1)", environment=empty("--pre"))
        assert second.wait()["state"] == "Completed", second.get()["error"]
        go.touch()
        assert first.wait()["state"] == "Completed", first.get()["error"]
        assert first.log().split() == ["runs", "True"]
        third = submit("print(1)", environment=empty("--no-cache-dir", "--pre", "--pre"))
        assert third.wait()["state"] == "Completed", third.get()["error"]
        assert third.log("20_image_build_log.txt").count("removed the environment 'empty'") == 2
        assert len(list(server.home.environments_folder.glob("*/ready.json"))) == 1
    finally:
        submit.close()
        server.stop()


def empty(*options: str) -> dict[str, Any]:
    """An environment without packages, which takes no index; other options are another environment."""
    return {"name": "empty", "conda_dependencies": {"dependencies": [{"pip": list(options)}]}}
