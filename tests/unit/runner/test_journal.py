"""The journal: what was appended is there, in order, whatever was torn."""

import threading
from pathlib import Path

import pytest

from terrazul.runner.journal import EntryKind, Journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def filled(path: Path, count: int) -> None:
    journal = Journal(path)
    for number in range(count):
        journal.append(EntryKind.WRITE, b"entry %d" % number)
    journal.close()


def payloads(path: Path) -> list[bytes]:
    journal = Journal(path)
    found = [entry.payload for entry in journal.entries()]
    journal.close()
    return found


def test_entries_come_back_in_order(path: Path):
    filled(path, 3)
    filled(path, 1)
    assert payloads(path) == [b"entry 0", b"entry 1", b"entry 2", b"entry 0"]


def test_torn_tail_is_cut_at_every_byte(path: Path):
    filled(path, 3)
    whole = path.read_bytes()
    size = len(whole) // 3
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        assert payloads(path) == [b"entry 0", b"entry 1", b"entry 2"][: cut // size]
        assert path.stat().st_size == cut // size * size


def test_flipped_bit_ends_the_journal(path: Path):
    filled(path, 3)
    data = bytearray(path.read_bytes())
    data[len(data) // 3 + 10] ^= 1
    path.write_bytes(data)
    assert payloads(path) == [b"entry 0"]


def test_cursor_survives_and_a_damaged_one_begins_anew(path: Path):
    journal = Journal(path)
    first = journal.append(EntryKind.WRITE, b"a")
    journal.append(EntryKind.END, b"b")
    journal.advance(first)
    journal.close()
    again = Journal(path)
    entry = again.wait_for_entry(0)
    assert entry is not None
    assert (entry.payload, again.ended, again.complete) == (b"b", True, False)
    again.advance(entry.end)
    assert again.complete
    again.close()
    Path(f"{path}.cursor").write_bytes(b"nonsense nonsense")
    anew = Journal(path)
    assert anew.forwarded == 0
    anew.close()


def test_many_writers_share_flushes(path: Path):
    journal = Journal(path)

    def write() -> None:
        for _ in range(50):
            assert journal.wait_durable(journal.append(EntryKind.WRITE, b"x" * 100), 10)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(journal.entries())) == 400
    journal.close()
