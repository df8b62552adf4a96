"""Every name and option that is treated in a way of its own stands in the documentation."""

from pathlib import Path

import pytest

from terrazul.core.requirement import conda, pip

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "environment-files.md"
TABLES = [
    conda._RENAMED,
    conda._BROUGHT_BY_WHEELS,
    conda._TOOLS,
    conda._BROUGHT_BY_PYTHON,
    conda._OF_WINDOWS,
    conda._SYSTEM,
    pip._INDEX_OPTIONS,
    pip._FLAGS,
    pip._REFUSED,
]


@pytest.mark.parametrize("name", sorted({name for table in TABLES for name in table}))
def test_special_name_is_documented(name: str):
    assert f"`{name}`" in PAGE.read_text("utf-8")
