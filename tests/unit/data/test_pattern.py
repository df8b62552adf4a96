"""Patterns of paths: what they mean, and that no pattern takes long."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrazul.core.errors import InvalidInput
from terrazul.data.pattern import PathPattern, normal


@pytest.mark.parametrize(
    ("pattern", "meant", "others"),
    [
        ("", ["a", "a/b"], []),
        ("/", ["a", "a/b"], []),
        ("data", ["data", "data/x", "data/x/y"], ["database", "x/data"]),
        ("data/", ["data/x", "data/x/y"], ["database/x"]),
        ("/data/*.csv", ["data/a.csv", "data/.csv"], ["data/b/a.csv", "a.csv", "data/a.csv.gz"]),
        ("data/**/*.csv", ["data/a.csv", "data/x/a.csv", "data/x/y/a.csv"], ["data.csv", "datax/a.csv"]),
        ("**/*.csv", ["a.csv", "x/y/a.csv"], ["a.txt"]),
        ("data/**", ["data/a", "data/x/y"], ["datax"]),
        ("*", ["a"], ["a/b"]),
        ("d?ta/a", ["data/a", "düta/a"], ["dta/a", "d/ta/a"]),
        ("*a*b*", ["ab", "xaxbx"], ["ba"]),
        ("**/x/**/y", ["x/y", "a/x/b/y"], ["x", "y", "xy"]),
        ("[a]*", ["[a]b"], ["ab"]),
        ("a.c", ["a.c"], ["abc"]),
    ],
)
def test_pattern_means_these_and_no_others(pattern: str, meant: list[str], others: list[str]):
    read = PathPattern(pattern)
    assert [path for path in meant if not read.matches(path)] == []
    assert [path for path in others if read.matches(path)] == []
    assert all(path.startswith(read.folder) for path in meant)


@pytest.mark.parametrize(
    "text", ["..", "a/../b", "/../a", "//a", "a//b", "a\0", "a\\b", "C:/x", "x" * 2000, "http://x/y"]
)
def test_way_out_is_refused(text: str):
    with pytest.raises(InvalidInput):
        PathPattern(text)


def test_slashes_at_the_ends_do_not_count():
    assert [normal(text) for text in ("", "/", ".", "./", "a", "/a/", "./a/b/")] == ["", "", "", "", "a", "a", "a/b"]


def test_no_pattern_takes_long():
    started = time.thread_time()
    assert not PathPattern("**/" * 200 + "a*" * 100 + "b").matches("a/" * 500 + "a" * 20)
    assert time.thread_time() - started < 2


def expression_of(pattern: str) -> "re.Pattern[str]":
    text = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    return re.compile(text.replace(r"\?", "[^/]") + r"\Z")


@given(
    st.lists(st.sampled_from(["a", "b", "*", "**", "a*", "?b"]), min_size=1, max_size=5).filter(
        lambda parts: any("*" in part or "?" in part for part in parts) and parts[-1] != "**"
    ),
    st.lists(st.sampled_from(["a", "b", "ab", "bb", "aab"]), min_size=1, max_size=6),
)
def test_it_agrees_with_a_regular_expression(pattern: list[str], path: list[str]):
    text = "/".join(path)
    assert PathPattern("/".join(pattern)).matches(text) == bool(expression_of("/".join(pattern)).match(text))
