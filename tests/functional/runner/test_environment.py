"""Environments that are built: once, shared, and told of when they cannot be.

The packages come from a folder that each test makes, so that no network is asked.
"""

import base64
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from terrazul.testing.server import RunningServer
from terrazul.testing.submission import Submitter, wait_for

OWN = f"python={sys.version_info[0]}.{sys.version_info[1]}"


def make_wheel(folder: Path, name: str, version: str, requires: str = "") -> None:
    """A package whose module says its version."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{info}/METADATA": metadata + (f"Requires-Dist: {requires}\n" if requires else ""),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\nsay-{name} = {name}:__name__.title\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text)}\n"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
        wheel.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")


def make_source(
    folder: Path, name: str, version: str, backend: str = "raise ImportError('there is no compiler')\n"
) -> None:
    """A package that has no wheel, and cannot be compiled."""
    files = {
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "pyproject.toml": "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n",
        "backend.py": backend,
    }
    with tarfile.open(folder / f"{name}-{version}.tar.gz", "w:gz") as archive:
        for path, text in files.items():
            entry = tarfile.TarInfo(f"{name}-{version}/{path}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))


def make_slow_source(folder: Path, name: str, version: str, until: Path) -> None:
    """A package whose compiling waits for a file, and then fails."""
    backend = f"import pathlib, time\nwhile not pathlib.Path({str(until)!r}).exists(): time.sleep(0.05)\n"
    make_source(folder, name, version, backend + "raise ImportError('there is no compiler')\n")


WRITES = """
with open('much', 'wb') as file:
    for _ in range(2000):
        file.write(bytes(1_000_000))
"""


@pytest.fixture(scope="module")
def submit_with_index(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Submits to a server whose compute has an index of small packages and no network."""
    links = tmp_path_factory.mktemp("links")
    make_wheel(links, "alpha", "1.0")
    make_wheel(links, "alpha", "2.0")
    make_wheel(links, "beta", "1.0", "alpha<2")
    make_source(links, "gamma", "1.0")
    home = tmp_path_factory.mktemp("home")
    make_slow_source(links, "delta", "1.0", home / "go")
    variables = {"UV_FIND_LINKS": str(links), "UV_NO_INDEX": "1", "UV_OFFLINE": "1", "UV_CACHE_DIR": str(home / "uv")}
    server = RunningServer(home / "home", variables=variables)
    server.start()
    yield Submitter(server)
    server.stop()


@pytest.fixture
def go(submit_with_index: Submitter) -> Iterator[Path]:
    """The file that the compiling of ``delta`` waits for; it is there after the test in any case."""
    file = submit_with_index.server.home.path.parent / "go"
    yield file
    file.touch()


def environment(*dependencies: Any, **more: Any) -> dict[str, Any]:
    return {"name": "made", "conda_dependencies": {"dependencies": list(dependencies)}, **more}


SHOW = "import alpha, os, shutil, sys\nprint(alpha.version, os.environ['VIRTUAL_ENV'] == sys.prefix, sys.prefix)\n"


@pytest.mark.alone
def test_environment_is_built_once_and_found_again(submit_with_index: Submitter):
    wanted = environment(OWN, {"pip": ["azureml-defaults", "beta"]})
    first = submit_with_index(SHOW + "print(open(shutil.which('say-alpha')).readline())", environment=wanted)
    assert first.wait()["state"] == "Completed", first.get()["error"]
    assert first.log().startswith("1.0 True ")
    assert "building" not in first.log()
    assert "alpha==1.0" in first.log("20_image_build_log.txt")
    assert "azureml-defaults is answered by Terrazul's own SDK" in first.log("65_job_prep_log.txt")
    second = submit_with_index(SHOW, environment=wanted)
    assert second.wait()["state"] == "Completed"
    assert second.log("20_image_build_log.txt") == ""
    seconds = {event["phase"]: event["seconds"] for event in second.get("/events")}
    assert seconds["prepare environment"] < 0.1


def test_runs_at_once_share_one_build(submit_with_index: Submitter):
    wanted = environment(OWN, "alpha=2", {"pip": []}, environment_variables={"X": str(time.time())})
    runs = [submit_with_index(SHOW, environment=wanted) for _ in range(2)]
    for run in runs:
        assert run.wait()["state"] == "Completed", run.get()["error"]
        assert run.log().startswith("2.0")
    folder = submit_with_index.server.home.environments_folder
    assert not list(folder.glob("*.building-*"))
    built = [json.loads(file.read_text())["packages"] for file in folder.glob("*/ready.json")]
    assert built.count(["alpha==2.*"]) == 1


@pytest.mark.parametrize(
    ("package", "told"),
    [("alpha==9", "alpha==9"), ("not-there-anywhere", "not-there-anywhere"), ("beta\nalpha>=2", "beta")],
)
def test_unsolvable_environment_names_package_and_reason(submit_with_index: Submitter, package: str, told: str):
    wanted = environment(OWN, {"pip": package.split("\n")})
    error = submit_with_index("print(1)", environment=wanted).wait()["error"]
    assert told in error["message"]
    assert "could not be built" in error["message"]
    assert (error["code"], error["log_path"]) == ("UserError", "azureml-logs/20_image_build_log.txt")
    again = submit_with_index("print(1)", environment=wanted).wait()["error"]
    assert "tried" in again["message"]


def test_package_that_must_be_compiled_is_told_with_the_python(submit_with_index: Submitter):
    error = submit_with_index("print(1)", environment=environment(OWN, {"pip": ["gamma"]})).wait()["error"]
    assert "`gamma==1.0`: " in error["message"]
    assert "there is no compiler" in error["message"]
    assert error["hint"].startswith(f"No wheel of it fits Python {OWN.partition('=')[2]}, so it had to be compiled")


def test_who_waits_for_a_build_sees_its_progress_and_its_failure(submit_with_index: Submitter, go: Path):
    wanted = environment(OWN, "alpha", {"pip": ["delta"]})
    first = submit_with_index("print(1)", environment=wanted)
    wait_for(lambda: first.get()["phase"] == "prepare environment: compiles delta==1.0")
    second = submit_with_index("print(1)", environment=wanted)
    second.wait_for_line("who builds this environment compiles delta==1.0", "20_image_build_log.txt")
    wait_for(lambda: second.get()["phase"] == "prepare environment: waits for somebody else who compiles delta==1.0")
    go.touch()
    said = "Failed to build `delta==1.0`"
    assert said in first.wait()["error"]["message"]
    error = second.wait()["error"]
    assert said in error["message"]
    assert "(tried" in error["message"]
    assert "is tried again on this node in" in error["hint"]
    assert (first.get()["phase"], second.get()["phase"]) == ("", "")
    steps = {event["phase"] for event in second.get("/events")}
    assert "environment: wait" in steps
    assert "environment: resolve" not in steps
    again = submit_with_index("print(1)", environment=wanted, build_again=True).wait()["error"]
    assert said in again["message"]
    assert "tried" not in again["message"]


def test_steps_of_a_build_are_told_with_their_seconds(submit_with_index: Submitter):
    run = submit_with_index(SHOW, environment=environment(OWN, "alpha<2"))
    assert run.wait()["state"] == "Completed", run.get()["error"]
    seconds = {event["phase"]: event["seconds"] for event in run.get("/events") if event["phase"]}
    steps = ["make", "resolve", "install"]
    assert sum(seconds[f"environment: {step}"] for step in steps) <= seconds["prepare environment"]


def test_other_python_is_loud(submit_with_index: Submitter):
    run = submit_with_index("import sys; print(sys.version_info[:2])", environment=environment("python=3.99"))
    ended = run.wait()
    assert ended["state"] == "Completed", ended["error"]
    assert "3.99" in ended["warnings"][0]
    assert ended["properties"]["terrazul.python.requested"] == "3.99"
    assert "*** Python 3.99 was asked for" in run.log("65_job_prep_log.txt")
    strict = submit_with_index("print(1)", environment=environment("python=3.99", strict=True))
    assert "3.99" in strict.wait()["error"]["message"]


def test_environment_whose_python_went_is_built_again(submit_with_index: Submitter):
    wanted = environment(OWN, "alpha=1.0")
    first = submit_with_index(SHOW, environment=wanted)
    assert first.wait()["state"] == "Completed"
    prefix = Path(first.log().split()[-1])
    (prefix / "bin" / "python").unlink()
    again = submit_with_index(SHOW, environment=wanted)
    assert again.wait()["state"] == "Completed"
    assert again.log() == first.log()


ENDLESS = """
import sys
from pathlib import Path
from terrazul.core.errors import TerrazulError
from terrazul.node.environment.build import Builder, Watcher
from terrazul.node.environment.interpreter import Interpreter
from terrazul.node.environment.plan import Recipe
from terrazul.node.log import TimedLog
from terrazul.node.stop import Stop
from terrazul.wire.node import EnvironmentLimits
folder = Path(sys.argv[1])
recipe = Recipe("endless", Interpreter(str(folder / "python"), (3, 11)), [], [])
log = TimedLog(folder / "log")
log.line("begins")
try:
    Builder(recipe, folder / "environments", Watcher(log, Stop()), EnvironmentLimits(build_seconds=1)).build()
except TerrazulError as problem:
    print(problem.message)
"""


LARGE = """
import sys
from pathlib import Path
from terrazul.core.errors import TerrazulError
from terrazul.node.environment import interpreter
from terrazul.node.environment.build import Builder, Watcher
from terrazul.node.environment.plan import Recipe
from terrazul.node.log import TimedLog
from terrazul.node.stop import Stop
from terrazul.wire.node import EnvironmentLimits
folder = Path(sys.argv[1])
recipe = Recipe("large", interpreter.own(), ["large"], [])
log = TimedLog(folder / "log")
log.line("begins")
try:
    Builder(recipe, folder / "environments", Watcher(log, Stop()), EnvironmentLimits(build_bytes=60_000_000)).build()
except TerrazulError as problem:
    print(problem.message, problem.hint)
"""


def test_build_that_writes_too_much_is_ended(tmp_path: Path):
    """Compiling the package writes 2 GB."""
    make_source(tmp_path, "large", "1.0", WRITES)
    variables = {"UV_FIND_LINKS": str(tmp_path), "UV_NO_INDEX": "1", "UV_CACHE_DIR": str(tmp_path / "cache")}
    line = [sys.executable, "-c", LARGE, str(tmp_path)]
    ended = subprocess.run(line, check=True, capture_output=True, timeout=60, env={**os.environ, **variables})
    assert b"it wrote more than 60000000 bytes to disk" in ended.stdout
    assert b"environment_build_bytes" in ended.stdout
    assert not list((tmp_path / "environments").glob("*.building-*"))


def test_build_that_takes_for_ever_is_ended(tmp_path: Path):
    """An interpreter that never answers keeps uv waiting."""
    (tmp_path / "python").write_text("#!/bin/sh\nexec sleep 600\n")
    (tmp_path / "python").chmod(0o755)
    start = time.monotonic()
    ended = subprocess.run([sys.executable, "-c", ENDLESS, str(tmp_path)], check=True, capture_output=True, timeout=60)
    assert b"it took longer than 1 s" in ended.stdout
    assert time.monotonic() - start < 15
    assert not list((tmp_path / "environments").glob("*.building-*"))
