"""Relative paths: what may name a file inside a run, a snapshot or a model."""

import pytest

from terrazul.core.errors import InvalidInput
from terrazul.core.paths import check_relative_path


@pytest.mark.parametrize("path", ["a", "outputs/model.pkl", "a b/ü.txt", "..a/b..", "logs/" + "x" * 255])
def test_relative_path_is_accepted(path: str):
    assert check_relative_path(path) == path


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "..", "a/../b", "./a", "a//b", "a/", "a\\b", "C:a", "file:a", "http://x/y", "a\0b", "a\nb",
     "．．/a", "a/" + "x" * 256, "x/" * 600 + "y", "\udc80"],
)  # fmt: skip
def test_other_path_is_refused(path: str):
    with pytest.raises(InvalidInput):
        check_relative_path(path)
