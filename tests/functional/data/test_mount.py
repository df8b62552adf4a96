"""A real mount: its files are found, brought when they are opened, read like any others, and gone afterwards."""

import contextlib
import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from terrazul.data.mount.availability import hindrance
from terrazul.testing.needs import needs

pytestmark = pytest.mark.functional

PROGRAM = """
import json, shutil, sys, time
from pathlib import Path
from terrazul.data.cache import Cache, CachedFile
from terrazul.data.mount.filesystem import Files, MountedFile, mount

source, cache, point, asked = map(Path, sys.argv[1:5])

def fetch(places):
    for file, part in places:
        with asked.open("a") as log:
            log.write(file.path + "\\n")
        shutil.copyfile(source / file.path, part)

cache = Cache(cache, 50_000_000)
found = sorted(path for path in source.rglob("*") if path.is_file())
names = [path.relative_to(source).as_posix() for path in found]
files = [
    MountedFile(name, CachedFile("w/s", name, path.stat().st_size, f"e{path.stat().st_mtime_ns}"), fetch)
    for name, path in zip(names, found)
]
if "--broken" in sys.argv:
    files.append(MountedFile("broken", CachedFile("w/s", "nowhere", 5, "e"), fetch))
with cache.lease() as folder:
    mount(Files(files, cache, folder, print), point)
"""


class Mounted:
    """A mount of the files of a folder, as a process."""

    def __init__(self, root: Path) -> None:
        self.source, self.point = root / "source", root / "point"
        self.cache, self.asked = root / "cache", root / "asked"
        for folder in (self.source, self.point):
            folder.mkdir()
        self.asked.touch()

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        places = [str(each) for each in (self.source, self.cache, self.point, self.asked)]
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, *places, *options])
        deadline = time.monotonic() + 30
        while not os.path.ismount(self.point):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return process


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Mounted]:
    needs(hindrance() is None, f"FUSE: {hindrance()}")
    made = Mounted(tmp_path)
    yield made
    if os.path.ismount(made.point):
        subprocess.run(["umount", "-l", str(made.point)], check=False)


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(30)


def test_files_are_found_and_read_like_any_others(mounted: Mounted):
    (mounted.source / "a b").mkdir()
    (mounted.source / "a b" / "ü.txt").write_text("one")
    (mounted.source / "big").write_bytes(os.urandom(3_000_001))
    (mounted.source / "empty").touch()
    process = mounted.start()
    try:
        assert sorted(each.name for each in mounted.point.iterdir()) == ["a b", "big", "empty"]
        assert (mounted.point / "a b" / "ü.txt").read_text() == "one"
        assert (mounted.point / "big").read_bytes() == (mounted.source / "big").read_bytes()
        assert (mounted.point / "empty").read_bytes() == b""
        with (mounted.point / "big").open("rb") as stream:
            stream.seek(2_999_990)
            assert len(stream.read(100)) == 11
        assert sorted(path.name for path in mounted.point.rglob("*.txt")) == ["ü.txt"]
        with pytest.raises(FileNotFoundError):
            (mounted.point / "nothing").stat()
    finally:
        end(process)


def test_nothing_can_be_written(mounted: Mounted):
    (mounted.source / "a").write_text("one")
    process = mounted.start()
    try:
        for write in (
            lambda: (mounted.point / "a").write_text("two"),
            (mounted.point / "new").touch,
            (mounted.point / "a").unlink,
            (mounted.point / "folder").mkdir,
        ):
            with pytest.raises(OSError, match="Read-only"):
                write()
    finally:
        end(process)
    assert (mounted.source / "a").read_text() == "one"


def test_every_file_is_brought_once_and_found_in_the_cache_by_the_next_mount(mounted: Mounted):
    for number in range(20):
        (mounted.source / f"{number}").write_text(str(number))
    for _ in range(2):
        process = mounted.start()
        try:
            assert [int((mounted.point / f"{number}").read_text()) for number in range(20)] == list(range(20))
        finally:
            end(process)
    assert sorted(mounted.asked.read_text().split()) == sorted(map(str, range(20)))


def test_a_file_that_cannot_be_had_is_an_error_and_the_others_are_read(mounted: Mounted):
    (mounted.source / "a").write_text("one")
    process = mounted.start("--broken")
    try:
        with pytest.raises(OSError) as told:  # noqa: PT011  # its number is looked at
            (mounted.point / "broken").read_bytes()
        assert told.value.errno == errno.EIO
        assert (mounted.point / "a").read_text() == "one"
    finally:
        end(process)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_folder_is_an_empty_one_again_afterwards(mounted: Mounted, number: int):
    (mounted.source / "a").write_text("one")
    process = mounted.start()
    held = os.open(mounted.point / "a", os.O_RDONLY)
    assert os.read(held, 10) == b"one"
    process.send_signal(number)
    assert process.wait(30) == 0
    with contextlib.suppress(OSError):  # it is not connected any more
        os.close(held)
    assert not os.path.ismount(mounted.point)
    assert list(mounted.point.iterdir()) == []
    assert list((mounted.cache / "leases").iterdir()) == []
