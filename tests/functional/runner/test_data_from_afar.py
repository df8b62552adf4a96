"""Data that lies on another machine: brought once, shared, stopped, waited for, and mounted where it is large."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from terrazul.data.mount.availability import hindrance
from terrazul.testing.data import get_file
from terrazul.testing.needs import needs
from terrazul.testing.server import RunningServer
from terrazul.testing.submission import SubmittedRun, Submitter, wait_for

pytestmark = pytest.mark.functional

FIND = """
import os, sys
place = sys.argv[1]
found = [place] if os.path.isfile(place) else [os.path.join(place, name) for name in sorted(os.listdir(place))]
"""
"""A dataset of one file is that file."""
SIZE = FIND + "print([os.path.getsize(each) for each in found])"
_PIECE = 1 << 16


class Web(ThreadingHTTPServer):
    """A web server with some files; it can be told to stop in the middle of each, until it is told to go on."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Files)
        self.files: dict[str, bytes] = {}
        self.etags: dict[str, str] = {}
        self.asked: list[str] = []
        self.generation = ""
        self.go_on = threading.Event()
        self.go_on.set()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may go away."""


class _Files(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Web

    def log_message(self, *_: object) -> None:
        """Nothing is told."""

    def _begin(self) -> bytes:
        name = unquote(self.path.lstrip("/"))
        data = self.server.files.get(name)
        if data is None:
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return b""
        begin, end = 0, len(data)
        asked = self.headers.get("Range", "")
        if asked:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            begin, end = int(first), min(end, int(last) + 1 if last else end)
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(end - begin))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.send_header("ETag", f'"{self.server.etags.get(name, name + self.server.generation)}"')
        if asked:
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(data)}")
        self.end_headers()
        return data[begin:end]

    def do_HEAD(self) -> None:
        self._begin()

    def do_GET(self) -> None:
        self.server.asked.append(self.path.lstrip("/"))
        data = self._begin()
        half = len(data) // 2
        for begin, end in ((0, half), (half, len(data))):
            for place in range(begin, end, _PIECE):
                self.wfile.write(data[place : min(place + _PIECE, end)])
            self.wfile.flush()
            if not self.server.go_on.wait(60):
                return


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    running = Web()
    yield running
    running.go_on.set()
    running.shutdown()
    running.server_close()


@pytest.fixture(scope="module")
def afar(web: Web, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    running = RunningServer(
        tmp_path_factory.mktemp("afar") / "home", "--allowed-destinations", web.place, "--data-mount-bytes", "20000000"
    )
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def submit_afar(afar: RunningServer, web: Web) -> Iterator[Submitter]:
    store = {"name": "web", "kind": "Http", "settings": {"url": f"http://{web.place}"}, "skip_validation": True}
    afar.call("POST", f"{afar.workspace()}/datastores", store)
    submitter = Submitter(afar)
    yield submitter
    submitter.close()


@pytest.fixture(autouse=True)
def anew(web: Web) -> None:
    """Each test has the web server to itself, and files that no cache has."""
    web.files, web.etags, web.asked = {}, {}, []
    web.generation = os.urandom(4).hex()
    web.go_on.set()


def dataset_of(server: RunningServer, *names: str) -> str:
    definition = {
        "type": "File",
        "locations": [{"path": name, "datastore": "web"} for name in names],
        "steps": [{"operation": "files", "arguments": {}}],
    }
    return str(server.call("POST", f"{server.workspace()}/datasets", {"definition": definition})["id"])


def submit_with(submit: Submitter, dataset: str, mode: str = "mount", text: str = SIZE) -> SubmittedRun:
    inputs = [{"name": "x", "mode": mode, "dataset_id": dataset}]
    return submit(text, arguments=["DatasetConsumptionConfig:x"], inputs=inputs)


def log_of(run: SubmittedRun) -> str:
    file = run.folder / "azureml-logs" / "65_job_prep_log.txt"
    return file.read_text() if file.exists() else ""


@pytest.mark.parametrize("mode", ["mount", "download"])
def test_the_second_run_reads_from_the_cache(web: Web, afar: RunningServer, submit_afar: Submitter, mode: str):
    web.files = {"a": b"a" * 1000, "b": b"b" * 300_000}
    dataset = dataset_of(afar, "a", "b")
    for found in ("2 files, 301000 bytes,", "2 files, 301000 bytes, 2 from the cache"):
        run = submit_with(submit_afar, dataset, mode)
        assert run.wait()["error"] is None
        assert run.log() == "[1000, 300000]\n"
        assert found in run.log("65_job_prep_log.txt")
    assert sorted(web.asked) == ["a", "b"]


def test_two_runs_at_once_bring_it_once(web: Web, afar: RunningServer, submit_afar: Submitter):
    web.files = {"a": b"a" * 3_000_000}
    dataset = dataset_of(afar, "a")
    web.go_on.clear()
    runs = [submit_with(submit_afar, dataset) for _ in range(2)]
    wait_for(lambda: all("data: begins" in log_of(run) for run in runs))
    web.go_on.set()
    for run in runs:
        assert run.wait()["error"] is None
    assert web.asked == ["a"]


def test_a_download_is_stopped_by_a_cancel(web: Web, afar: RunningServer, submit_afar: Submitter):
    web.files = {"a": b"a" * 3_000_000}
    dataset = dataset_of(afar, "a")
    web.go_on.clear()
    run = submit_with(submit_afar, dataset, "download")
    wait_for(lambda: web.asked)
    run.cancel()
    assert run.wait()["state"] == "Canceled"


def test_a_server_that_is_killed_meanwhile_is_waited_for(web: Web, afar: RunningServer, submit_afar: Submitter):
    web.files = {"a": b"a" * 3_000_000}
    dataset = dataset_of(afar, "a")
    web.go_on.clear()
    run = submit_with(submit_afar, dataset, "download")
    wait_for(lambda: web.asked)
    afar.kill()
    web.go_on.set()
    afar.start()
    assert run.wait()["error"] is None
    assert run.log() == "[3000000]\n"


def test_outputs_arrive_whole_although_the_server_is_killed_meanwhile(afar: RunningServer, submit_afar: Submitter):
    write = "import os, sys\nfor n in range(150):\n    open(f'{sys.argv[1]}/{n}', 'wb').write(bytes([n]) * 500_000)"
    run = submit_afar(
        write,
        arguments=["DatasetOutputConfig:one"],
        outputs=[{"name": "one", "path": "whole", "registration": {"name": "whole"}}],
    )
    run.wait_for_line("output one: sends", "75_job_post_log.txt")
    afar.kill()
    afar.start()
    assert run.wait()["error"] is None
    made = afar.call("GET", f"{afar.workspace()}/datasets/by-name/whole")
    assert (made["version"], made["content"]["file_count"], made["content"]["size"]) == (1, 150, 75_000_000)
    assert get_file(afar, afar.workspace(), "whole/149") == bytes([149]) * 500_000


@pytest.mark.parametrize("mode", ["mount", "download"])
def test_a_file_at_a_web_address_is_an_input(web: Web, afar: RunningServer, submit_afar: Submitter, mode: str):
    web.files = {"a b.csv": b"1,2"}
    address = f"http://{web.place}/a%20b.csv"
    definition = {
        "type": "File",
        "locations": [{"path": address, "datastore": ""}],
        "steps": [{"operation": "files", "arguments": {}}],
    }
    file = {"path": address, "size": 3, "etag": f"a b.csv{web.generation}"}
    saved = afar.call("POST", f"{afar.workspace()}/datasets", {"definition": definition, "files": [file]})
    run = submit_with(submit_afar, saved["id"], mode, "import sys\nprint(open(sys.argv[1]).read(), sys.argv[1])")
    assert run.wait()["error"] is None
    assert run.log().startswith("1,2 ")
    assert run.log().endswith("a b.csv\n")


def test_a_runner_that_is_killed_meanwhile_leaves_the_cache_sound(
    web: Web, afar: RunningServer, submit_afar: Submitter
):
    web.files = {"a": b"a" * 3_000_000}
    dataset = dataset_of(afar, "a")
    web.go_on.clear()
    run = submit_with(submit_afar, dataset, "download")
    wait_for(lambda: web.asked)
    os.kill(run.runner_pid, signal.SIGKILL)
    web.go_on.set()
    again = submit_with(submit_afar, dataset, "download", FIND + "print(len(open(found[0]).read()))")
    assert again.wait()["error"] is None
    assert again.log() == "3000000\n"


def test_a_file_that_has_changed_is_brought_anew(web: Web, afar: RunningServer, submit_afar: Submitter):
    web.files = {"a": b"old"}
    dataset = dataset_of(afar, "a")
    read = FIND + "print(open(found[0]).read())"
    assert submit_with(submit_afar, dataset, text=read).wait()["error"] is None
    web.files, web.etags = {"a": b"new"}, {"a": "another"}
    run = submit_with(submit_afar, dataset, text=read)
    assert run.wait()["error"] is None
    assert run.log() == "new\n"


def test_a_file_that_has_gone_is_told(web: Web, afar: RunningServer, submit_afar: Submitter):
    web.files = {"a": b"a", "b": b"b"}
    dataset = dataset_of(afar, "a", "b")
    del web.files["b"]
    ended = submit_with(submit_afar, dataset).wait()
    assert ended["state"] == "Failed"
    assert "The input 'x' cannot be had" in ended["error"]["message"]


class TestMount:
    """Large data, where the machine has FUSE."""

    @pytest.fixture(autouse=True)
    def fuse(self) -> None:
        needs(hindrance() is None, f"FUSE: {hindrance()}")

    LOOK = (
        "import hashlib, json, os, sys\n"
        "root = sys.argv[1]\n"
        "json.dump([os.path.ismount(root), {name: hashlib.md5(open(os.path.join(root, name), 'rb').read()).hexdigest()"
        " for name in sorted(os.listdir(root))}], open('outputs/seen.json', 'w'))"
    )

    def test_large_data_is_mounted_and_read(self, web: Web, afar: RunningServer, submit_afar: Submitter):
        web.files = {"a": os.urandom(20_000_000), "b c": b"small"}
        dataset = dataset_of(afar, "a", "b c")
        runs = [submit_with(submit_afar, dataset, text=self.LOOK) for _ in range(2)]
        for run in runs:
            assert run.wait()["error"] is None
        seen = [json.loads(run.file("outputs/seen.json")) for run in runs]
        assert seen[0] == seen[1]
        assert seen[0][0] is True
        assert len(seen[0][1]) == 2
        assert not [line for line in Path("/proc/mounts").read_text().splitlines() if str(afar.home.path) in line]

    def test_a_canceled_script_leaves_no_mount(self, web: Web, afar: RunningServer, submit_afar: Submitter):
        web.files = {"a": os.urandom(20_000_000)}
        dataset = dataset_of(afar, "a")
        hold = FIND + "held = open(found[0], 'rb')\nprint(len(held.read(9)), flush=True)\n"
        hold += "import time\ntime.sleep(600)"
        run = submit_with(submit_afar, dataset, text=hold)
        run.wait_for_line("9")
        run.cancel()
        assert run.wait()["state"] == "Canceled"
        assert not [line for line in Path("/proc/mounts").read_text().splitlines() if str(afar.home.path) in line]

    def test_a_killed_runner_leaves_no_mount(self, web: Web, afar: RunningServer, submit_afar: Submitter):
        web.files = {"a": os.urandom(20_000_000)}
        dataset = dataset_of(afar, "a")
        run = submit_with(submit_afar, dataset, text="import time\nprint('there', flush=True)\ntime.sleep(600)")
        run.wait_for_line("there")
        os.kill(run.runner_pid, signal.SIGKILL)
        wait_for(lambda: str(run.folder) not in Path("/proc/mounts").read_text())
