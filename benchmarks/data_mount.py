"""Data of a run: brought before the script, or mounted; small files and large ones, the first time and the second.

The store is a web server of this machine that waits some milliseconds before each answer, as one on a network does.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from measure import Figure, show

from terrazul.testing.server import RunningServer

LATENCY = 0.01
SMALL_COUNT, SMALL_SIZE = 1000, 10_000
LARGE_COUNT, LARGE_SIZE = 4, 64_000_000
NEVER = str(1 << 60)
READ_ALL = """
import os, sys
for parent, _, names in os.walk(sys.argv[1]):
    for name in names:
        with open(os.path.join(parent, name), 'rb') as stream:
            while stream.read(1 << 20):
                pass
"""
READ_ONE = """
import os, sys
with open(os.path.join(sys.argv[1], sorted(os.listdir(sys.argv[1]))[0]), 'rb') as stream:
    stream.read(1000)
"""


class _Store(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Nothing is told."""

    def _begin(self) -> tuple[int, int]:
        size = int(self.path.rpartition("-")[2])
        asked = self.headers.get("Range", "").removeprefix("bytes=")
        first, _, last = asked.partition("-")
        begin, end = int(first or 0), min(size, int(last) + 1 if last else size)
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(end - begin))
        self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{size}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.send_header("ETag", f'"{self.path}"')
        self.end_headers()
        return begin, end

    def do_HEAD(self) -> None:
        """Tell of a file, whose size its name says."""
        self._begin()

    def do_GET(self) -> None:
        """Give the bytes of a file."""
        time.sleep(LATENCY)
        begin, end = self._begin()
        piece = bytes(1 << 20)
        while begin < end:
            begin += self.wfile.write(piece[: end - begin])


@contextmanager
def store() -> Iterator[str]:
    """The place of a store in a process of its own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Store)
    server.daemon_threads = True
    process = multiprocessing.get_context("fork").Process(target=server.serve_forever, daemon=True)
    process.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    process.kill()


class Site:
    """A server with a datastore for the store, and one workspace."""

    def __init__(self, folder: Path, place: str, mount_from: str) -> None:
        self.server = RunningServer(folder, "--allowed-destinations", place, "--data-mount-bytes", mount_from)
        self.server.start()
        self.workspace = self.server.workspace()
        settings = {"name": "afar", "kind": "Http", "settings": {"url": f"http://{place}"}, "skip_validation": True}
        self.server.call("POST", f"{self.workspace}/datastores", settings)
        os.environ.update(self.server.environment)

    def dataset(self, count: int, size: int) -> str:
        """Files of a size, at paths that nobody else has."""
        mark = os.urandom(4).hex()
        places = [{"path": f"{mark}-{number}-{size}", "datastore": "afar"} for number in range(count)]
        step = {"operation": "files", "arguments": {}}
        definition = {"type": "File", "locations": places, "steps": [step]}
        return str(self.server.call("POST", f"{self.workspace}/datasets", {"definition": definition})["id"])

    def seconds(self, script: str, dataset: str = "") -> float:
        """From submit to the end of a run that reads a dataset."""
        from terrazul.testing.submission import Submitter  # noqa: PLC0415  # beside the server that it needs

        submit = Submitter(self.server, self.workspace)
        submit._runs = [None] * int.from_bytes(os.urandom(3), "big")  # type: ignore[list-item]  # noqa: SLF001  # another id each time
        inputs = [{"name": "x", "mode": "mount", "dataset_id": dataset}] if dataset else []
        begin = time.monotonic()
        run = submit(script, arguments=["DatasetConsumptionConfig:x"], inputs=inputs)
        while (state := run.state) not in {"Completed", "Failed"}:
            time.sleep(0.02)
        taken = time.monotonic() - begin
        assert state == "Completed", run.get()["error"]
        return taken


def main() -> bool:
    """Measure both ways with small and with large files."""
    found: dict[tuple[str, str], float] = {}
    with tempfile.TemporaryDirectory() as folder, store() as place:
        for way, mount_from in (("brought", NEVER), ("mounted", "0")):
            site = Site(Path(folder) / way, place, mount_from)
            bare = min(site.seconds("pass") for _ in range(3))
            small = site.dataset(SMALL_COUNT, SMALL_SIZE)
            found[way, "small"] = site.seconds(READ_ALL, small) - bare
            found[way, "small again"] = site.seconds(READ_ALL, small) - bare
            large = site.dataset(LARGE_COUNT, LARGE_SIZE)
            found[way, "large"] = site.seconds(READ_ALL, large) - bare
            found[way, "large again"] = site.seconds(READ_ALL, large) - bare
            found[way, "one"] = site.seconds(READ_ONE, site.dataset(LARGE_COUNT, LARGE_SIZE)) - bare
            site.server.stop()
    total = LARGE_COUNT * LARGE_SIZE // 1_000_000
    names = {
        "small": f"{SMALL_COUNT} files of {SMALL_SIZE // 1000} kB, all read",
        "small again": "the same, the second run",
        "large": f"{LARGE_COUNT} files of {LARGE_SIZE // 1_000_000} MB, all read",
        "large again": "the same, the second run",
        "one": f"the beginning of one of {LARGE_COUNT} files of {LARGE_SIZE // 1_000_000} MB",
    }
    figures = [
        Figure(f"{text}: mounted", found["mounted", key], "s", 1.5 * found["brought", key] + 1.0,
               f"brought before the script: {found['brought', key]:.2f} s")
        for key, text in names.items()
    ]  # fmt: skip
    figures.append(
        Figure("small files brought, per file", found["brought", "small"] / SMALL_COUNT * 1000, "ms", 10,
               f"one after the other: {LATENCY * 1000:.0f} ms and more")
    )  # fmt: skip
    figures.append(Figure(f"second run with {total} MB", found["brought", "large again"], "s", 2.0, "the disk's speed"))
    return show("Data in a run, above a run without", figures)


if __name__ == "__main__":
    raise SystemExit(not main())
