"""What every kind of blob storage owes. A kind's test inherits ``StorageContract`` and overrides one fixture."""

from __future__ import annotations

import pytest

from terrazul.core.errors import NotFound
from terrazul.server.blobs.storage import Storage

KEY = "1/contents/ab/abc"


class StorageContract:
    """Inherit, and give a fixture ``storage`` that is empty for each test."""

    @pytest.fixture
    def storage(self) -> Storage:
        """An empty storage."""
        raise pytest.UsageError("override the fixture `storage`")

    def test_committed_object_can_be_read_in_parts(self, storage: Storage) -> None:
        """An object is the bytes that were written, in order."""
        put(storage, KEY, b"0123", b"456789")
        assert b"".join(storage.read(KEY, 0, 10)) == b"0123456789"
        assert b"".join(storage.read(KEY, 3, 4)) == b"3456"
        assert b"".join(storage.read(KEY, 10, 0)) == b""

    def test_object_is_not_seen_before_commit(self, storage: Storage) -> None:
        """Nobody reads half an object."""
        sink = storage.create(KEY)
        sink.write(b"half")
        with pytest.raises(NotFound):
            list(storage.read(KEY, 0, 4))
        sink.abort()

    def test_large_object_can_be_aborted_in_the_middle(self, storage: Storage) -> None:
        """Whatever is on its way to the disk by then."""
        sink = storage.create(KEY)
        for _ in range(20):
            sink.write(b"x" * (1 << 20))
        sink.abort()
        sink.abort()
        with pytest.raises(NotFound):
            list(storage.read(KEY, 0, 4))

    def test_aborted_object_is_gone(self, storage: Storage) -> None:
        """Nothing stays of what was given up."""
        sink = storage.create(KEY)
        sink.write(b"half")
        sink.abort()
        with pytest.raises(NotFound):
            list(storage.read(KEY, 0, 4))

    def test_object_replaces_an_earlier_one(self, storage: Storage) -> None:
        """The last commit of a key counts."""
        put(storage, KEY, b"first")
        put(storage, KEY, b"again")
        assert b"".join(storage.read(KEY, 0, 5)) == b"again"

    def test_copy_is_an_object_of_its_own(self, storage: Storage) -> None:
        """It stays when the first one goes."""
        put(storage, KEY, b"bytes")
        storage.copy(KEY, "1/contents/cd/cde")
        storage.delete(KEY)
        assert (storage.size_of(KEY), storage.size_of("1/contents/cd/cde")) == (None, 5)
        assert b"".join(storage.read("1/contents/cd/cde", 0, 5)) == b"bytes"
        with pytest.raises(NotFound):
            storage.copy(KEY, "1/contents/ef/efg")
        assert storage.size_of("1/contents/ef/efg") is None

    def test_deleted_object_is_gone(self, storage: Storage) -> None:
        """Deleting twice is no error."""
        put(storage, KEY, b"x")
        storage.delete(KEY)
        storage.delete(KEY)
        with pytest.raises(NotFound):
            list(storage.read(KEY, 0, 1))

    def test_tree_is_deleted_without_its_neighbours(self, storage: Storage) -> None:
        """A prefix ends at a slash."""
        put(storage, "1/a", b"x")
        put(storage, "1/b/c", b"x")
        put(storage, "11/a", b"kept")
        storage.delete_tree("1")
        for key in ("1/a", "1/b/c"):
            with pytest.raises(NotFound):
                list(storage.read(key, 0, 1))
        assert b"".join(storage.read("11/a", 0, 4)) == b"kept"

    def test_large_object_comes_in_chunks(self, storage: Storage) -> None:
        """No more than a few megabytes are held at once."""
        parts = [bytes([number]) * (1 << 20) for number in range(20)]
        put(storage, KEY, *parts)
        chunks = list(storage.read(KEY, 0, 20 << 20))
        sizes = [len(chunk) for chunk in chunks]
        assert b"".join(chunks) == b"".join(parts)
        assert max(sizes) <= 2 << 20


def put(storage: Storage, key: str, *parts: bytes) -> None:
    """Write an object."""
    sink = storage.create(key)
    for part in parts:
        sink.write(part)
    sink.commit()
