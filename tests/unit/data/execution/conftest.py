"""A desk with files on it."""

from pathlib import Path

import pytest

from terrazul.testing.table_desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
