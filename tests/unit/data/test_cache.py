"""The cache of a machine: found again, shared, bounded, checked, and whole whatever is killed."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from terrazul.core.errors import DamagedContent, InsufficientStorage
from terrazul.data import cache as module
from terrazul.data.cache import Cache, CachedFile, Place

MOMENT = "2026-01-01T00:00:00.000000Z"


class Store:
    """Holds any file; remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def fetch(self, places: Sequence[Place]) -> None:
        for file, part in places:
            self.asked.append(file.path)
            part.write_bytes(content_of(file))


def content_of(file: CachedFile) -> bytes:
    return (file.path.encode() * max(file.size, 1))[: max(file.size, 1)]


def files(count: int, size: int = 100, prefix: str = "f") -> list[CachedFile]:
    return [CachedFile("w/s", f"{prefix}{number}", size, f"e{number}", MOMENT) for number in range(count)]


def into(folder: Path, wanted: Sequence[CachedFile]) -> list[Place]:
    folder.mkdir()
    return [(file, folder / file.path) for file in wanted]


def held(folder: Path) -> int:
    entries = (folder / "entries").rglob("*")
    return sum(path.stat().st_size for path in entries if path.is_file() and path.suffix != ".sha256")


def test_what_was_brought_once_is_found_again(tmp_path: Path):
    store, cache = Store(), Cache(tmp_path / "cache", 10_000)
    first = cache.provide(into(tmp_path / "a", files(3)), store.fetch)
    second = cache.provide(into(tmp_path / "b", files(3)), store.fetch)
    assert (first.found, first.fetched, first.fetched_bytes) == (0, 3, 300)
    assert (second.found, second.fetched, second.fetched_bytes) == (3, 0, 0)
    assert store.asked == ["f0", "f1", "f2"]
    assert (tmp_path / "b" / "f1").read_bytes() == content_of(files(2)[1])


def test_the_same_file_is_brought_once_for_two_places(tmp_path: Path):
    store, (file,) = Store(), files(1)
    (tmp_path / "a").mkdir()
    provision = Cache(tmp_path / "cache", 10_000).provide(
        [(file, tmp_path / "a" / "x"), (file, tmp_path / "a" / "y")], store.fetch
    )
    assert provision.fetched == 1
    assert (tmp_path / "a" / "x").read_bytes() == (tmp_path / "a" / "y").read_bytes()


def test_another_etag_is_another_content(tmp_path: Path):
    store, cache, (file,) = Store(), Cache(tmp_path / "cache", 10_000), files(1)
    cache.provide(into(tmp_path / "a", [file]), store.fetch)
    assert cache.provide(into(tmp_path / "b", [file._replace(etag="other")]), store.fetch).fetched == 1


def test_a_file_of_which_the_store_says_nothing_is_brought_each_time(tmp_path: Path):
    store, cache, file = Store(), Cache(tmp_path / "cache", 10_000), CachedFile("", "https://a/b", -1)
    assert cache.provide([(file, tmp_path / "x")], store.fetch).fetched == 1
    assert cache.provide([(file, tmp_path / "y")], store.fetch).fetched == 1
    assert (tmp_path / "y").read_bytes() == content_of(file)


def test_what_was_not_used_for_longest_is_evicted_first(tmp_path: Path):
    store, cache, known = Store(), Cache(tmp_path / "cache", 300), files(3)
    for number, file in enumerate(known):
        cache.provide(into(tmp_path / str(number), [file]), store.fetch)
    cache.provide(into(tmp_path / "again", known[:1]), store.fetch)
    for folder in ("0", "1", "2", "again"):
        shutil.rmtree(tmp_path / folder)
    cache.provide(into(tmp_path / "new", files(1, prefix="n")), store.fetch)
    store.asked.clear()
    cache.provide(into(tmp_path / "kept", [known[0], known[2]]), store.fetch)
    assert store.asked == []
    assert held(tmp_path / "cache") == 300


def test_what_somebody_uses_is_not_evicted(tmp_path: Path):
    store, cache = Store(), Cache(tmp_path / "cache", 300)
    cache.provide(into(tmp_path / "used", files(3)), store.fetch)
    cache.provide(into(tmp_path / "more", files(2, prefix="m")), store.fetch)
    assert held(tmp_path / "cache") == 500
    assert cache.provide(into(tmp_path / "again", files(3)), store.fetch).found == 3
    for folder in ("used", "more", "again"):
        shutil.rmtree(tmp_path / folder)
    cache.trim()
    assert held(tmp_path / "cache") == 300


def test_a_file_larger_than_the_cache_is_brought_and_not_kept(tmp_path: Path):
    store, cache = Store(), Cache(tmp_path / "cache", 300)
    cache.provide(into(tmp_path / "a", files(1, size=301)), store.fetch)
    assert (tmp_path / "a" / "f0").stat().st_size == 301
    assert held(tmp_path / "cache") == 0


def test_a_file_that_was_written_to_is_brought_anew(tmp_path: Path):
    store, cache = Store(), Cache(tmp_path / "cache", 10_000)
    cache.provide(into(tmp_path / "a", files(1)), store.fetch)
    written = tmp_path / "a" / "f0"
    written.chmod(0o600)
    written.write_bytes(b"z" * 100)
    assert cache.provide(into(tmp_path / "b", files(1)), store.fetch).fetched == 1
    assert (tmp_path / "b" / "f0").read_bytes() == content_of(files(1)[0])
    assert written.read_bytes() == b"z" * 100


def test_a_damaged_file_is_known_by_its_digest_a_day_later(tmp_path: Path):
    store, cache = Store(), Cache(tmp_path / "cache", 10_000)
    cache.provide(into(tmp_path / "a", files(1)), store.fetch)
    (seal,) = (tmp_path / "cache" / "entries").rglob("*.sha256")
    entry, a_day_ago = seal.with_suffix(""), time.time() - 25 * 3600
    os.utime(seal, (a_day_ago, a_day_ago))
    assert cache.provide(into(tmp_path / "b", files(1)), store.fetch).found == 1
    times = (entry.stat().st_atime_ns, entry.stat().st_mtime_ns)
    entry.chmod(0o600)
    entry.write_bytes(b"z" * 100)
    os.utime(entry, ns=times)
    os.utime(seal, (a_day_ago, a_day_ago))
    assert cache.provide(into(tmp_path / "c", files(1)), store.fetch).fetched == 1


def test_files_are_handed_out_read_only(tmp_path: Path):
    Cache(tmp_path / "cache", 10_000).provide(into(tmp_path / "a", files(1)), Store().fetch)
    assert (tmp_path / "a" / "f0").stat().st_mode & 0o777 == 0o444


def test_other_bytes_than_were_listed_are_refused(tmp_path: Path):
    def fetch(places: Sequence[Place]) -> None:
        for _, part in places:
            part.write_bytes(b"short")

    with pytest.raises(DamagedContent, match="changes while it is read"):
        Cache(tmp_path / "cache", 10_000).provide(into(tmp_path / "a", files(1)), fetch)
    assert list((tmp_path / "a").iterdir()) == []


def test_data_for_which_the_disk_has_no_room_is_refused_before_it_is_brought(tmp_path: Path):
    store = Store()
    with pytest.raises(InsufficientStorage, match="has no room for"):
        Cache(tmp_path / "cache").provide(into(tmp_path / "a", files(1, size=1 << 60)), store.fetch)
    assert store.asked == []


def test_a_leased_folder_lives_as_long_as_its_block(tmp_path: Path):
    cache = Cache(tmp_path / "cache", 10_000)
    with cache.lease() as folder:
        cache.provide([(files(1)[0], folder / "x")], Store().fetch)
        cache.trim()
        assert (folder / "x").exists()
    assert not folder.exists()


def test_two_who_want_the_same_bring_it_once(tmp_path: Path):
    store, begun, go_on = Store(), threading.Event(), threading.Event()

    def slowly(places: Sequence[Place]) -> None:
        begun.set()
        assert go_on.wait(20)
        store.fetch(places)

    first = threading.Thread(
        target=Cache(tmp_path / "cache", 10_000).provide, args=(into(tmp_path / "a", files(2)), slowly)
    )
    second = threading.Thread(
        target=Cache(tmp_path / "cache", 10_000).provide, args=(into(tmp_path / "b", files(2)), store.fetch)
    )
    first.start()
    assert begun.wait(20)
    second.start()
    go_on.set()
    first.join()
    second.join()
    assert store.asked == ["f0", "f1"]
    assert (tmp_path / "b" / "f1").exists()


def test_one_who_waits_for_another_can_be_stopped(tmp_path: Path):
    cache, begun, go_on = Cache(tmp_path / "cache", 10_000), threading.Event(), threading.Event()

    def slowly(places: Sequence[Place]) -> None:
        begun.set()
        assert go_on.wait(20)
        Store().fetch(places)

    first = threading.Thread(target=cache.provide, args=(into(tmp_path / "a", files(1)), slowly))
    first.start()
    assert begun.wait(20)

    def check() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        Cache(tmp_path / "cache", 10_000).provide(into(tmp_path / "b", files(1)), Store().fetch, check)
    go_on.set()
    first.join()


KILLED = """
import sys, time
from pathlib import Path
from terrazul.data.cache import Cache, CachedFile

def fetch(places):
    for file, part in places:
        part.write_bytes(b"half")
    print("begun", flush=True)
    time.sleep(60)

cache = Cache(Path(sys.argv[1]), 10_000)
with cache.lease() as folder:
    cache.provide([(CachedFile("w/s", "f0", 100, "e0", "2026-01-01T00:00:00.000000Z"), folder / "x")], fetch)
"""


def test_what_a_killed_process_had_begun_is_brought_by_the_next(tmp_path: Path):
    folder = tmp_path / "cache"
    with subprocess.Popen([sys.executable, "-c", KILLED, str(folder)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
        finally:
            process.send_signal(signal.SIGKILL)
    assert len(list((folder / "parts").iterdir())) == 1
    cache, store = Cache(folder, 10_000), Store()
    assert cache.provide(into(tmp_path / "a", files(1)), store.fetch).fetched == 1
    assert (tmp_path / "a" / "f0").read_bytes() == content_of(files(1)[0])
    cache.trim()
    assert list((folder / "parts").iterdir()) == []
    assert list((folder / "leases").iterdir()) == []


def test_a_copy_is_made_where_there_can_be_no_link(tmp_path: Path):
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"x" * 3_000_000)
    os.utime(source, (1, 1))
    module.copy(source, target)
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_mtime == 1
