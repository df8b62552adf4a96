"""Every kind of blob storage passes the same tests."""

from pathlib import Path

import pytest

from terrazul.server.blobs.kinds.local import LocalStorage
from terrazul.server.blobs.storage import Storage
from terrazul.testing.storage import StorageContract


class TestLocalStorage(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        return LocalStorage(tmp_path)
