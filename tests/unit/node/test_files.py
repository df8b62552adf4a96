"""Laying out a snapshot: hostile manifests are refused before anything is written outside."""

import hashlib
from pathlib import Path

import pytest

from terrazul.core.errors import SnapshotException, Unavailable
from terrazul.node.files import _Places
from terrazul.wire.snapshot import SnapshotFile

DIGEST = hashlib.sha256(b"x").hexdigest()


def file(path: str, mode: int = 0o644) -> SnapshotFile:
    return SnapshotFile(path, DIGEST, 1, mode)


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "a\\b", "C:x", "．．/x", "a\0", "", "a//b", "./a"])
def test_path_that_leaves_the_root_is_refused(tmp_path: Path, path: str):
    with pytest.raises(SnapshotException):
        _Places(tmp_path / "work", [file("fine"), file(path)])
    assert not (tmp_path / "work").exists()


def test_path_named_twice_is_refused(tmp_path: Path):
    with pytest.raises(SnapshotException, match="twice"):
        _Places(tmp_path, [file("a"), file("a")])


def test_content_goes_to_all_its_places_with_its_mode(tmp_path: Path):
    places = _Places(tmp_path, [file("a"), file("deep/er/b", 0o755)])
    assert places.wanted() == [DIGEST]
    places.fill(DIGEST, [b"x"])
    assert places.wanted() == []
    assert (tmp_path / "deep/er/b").read_bytes() == b"x"
    assert [(tmp_path / name).stat().st_mode & 0o100 for name in ("a", "deep/er/b")] == [0, 0o100]


def test_damaged_content_is_asked_for_again(tmp_path: Path):
    places = _Places(tmp_path, [file("a")])
    with pytest.raises(Unavailable):
        places.fill(DIGEST, [b"y"])
    assert places.wanted() == [DIGEST]


def test_nothing_is_written_through_a_link(tmp_path: Path):
    outside = tmp_path / "outside"
    outside.write_text("safe")
    work = tmp_path / "work"
    work.mkdir()
    (work / "a").symlink_to(outside)
    places = _Places(work, [file("a")])
    with pytest.raises(OSError, match="symbolic"):
        places.fill(DIGEST, [b"x"])
    assert outside.read_text() == "safe"


def test_content_that_is_damaged_where_it_is_kept_is_named(tmp_path: Path):
    places = _Places(tmp_path, [file("model/weights.bin")])
    with pytest.raises(Unavailable):
        places.fill(DIGEST, [b"other bytes"])
    with pytest.raises(SnapshotException, match=r"model/weights\.bin"):
        places.fill(DIGEST, [b"other bytes"])


def test_contents_come_one_by_one_after_one_that_broke_off(tmp_path: Path):
    """So that the one is found that cannot be sent."""
    places = _Places(tmp_path, [SnapshotFile(f"{number}.txt", str(number) * 64, 1) for number in range(3)])
    assert len(places.wanted()) == 3
    places.suspect("0" * 64)
    assert places.wanted() == ["0" * 64]
    for _ in range(4):
        places.suspect("0" * 64)
    with pytest.raises(SnapshotException, match=r"0\.txt"):
        places.suspect("0" * 64)
