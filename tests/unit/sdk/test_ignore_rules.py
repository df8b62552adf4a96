"""Our ignore rules against git's own."""

import subprocess
from pathlib import Path
from typing import Dict, List, Set

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from terrazul.sdk.ignore_rules import IgnoreRules

PATHS = [
    "a", "b.py", "c.pyc", ".env", "data/x.csv", "data/raw/x.csv", "data/raw/deep/y.csv", "a b/c d", "out/a", "out/b/a",
    "x[1].txt", "#file", "!bang", "foo/bar/baz", "foo/baz", "deep/foo/bar/baz", "back\\slash", "ends ", "Ab", "k-l",
]  # fmt: skip
PATTERNS = [
    "a", "*.py", "*.pyc", ".env", "data/", "/data", "data/*", "data/**", "**/x.csv", "data/**/y.csv", "!data/x.csv",
    "!data/raw/", "!data/raw/x.csv", "**",
    "*", "!*", "!*/", "/*", "!/out", "out/*", "!out/b", "[ab]", "[!a]*", "[^a]*",
    "x\\[1\\].txt", "x[[]1].txt", "\\#file", "#file", "\\!bang", "foo/**/baz", "foo/bar/", "foo/bar", "**/foo",
    "/foo/**/",
    "ends\\ ", "ends ", "a ", "a\\", "[a", "[]a]", "[]-a]", "[a-", "[[:alpha:]]", "[[:upper:]]b", "[[:nope:]]", "?",
    "??",
    "a?b/*", "**a", "a**", "f**/baz", "foo**bar", "foo/**bar", "foo/b**r/baz", "", " ", "/", "//", "!", "!/", "k[+--]l",
    "[b-a]", "back\\\\slash", "data//x.csv", "**/", "**/**", "*/**/x.csv", "!a", "[\\a]", "[\\]a]", "\\a", "\\/?",
]  # fmt: skip


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    subprocess.run(["git", "init", "--quiet", str(root)], check=True)
    for path in PATHS:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("x")
    return root


def _kept_by_git(root: Path, lines: List[str]) -> Set[str]:
    (root / ".git/info/exclude").write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = ["git", "-C", str(root), "-c", "core.ignoreCase=false", "ls-files", "-oz", "--exclude-standard"]
    output = subprocess.run(command, check=True, capture_output=True).stdout
    return {name for name in output.decode().split("\0") if name}


def _kept_by_us(lines: List[str]) -> Set[str]:
    rules = IgnoreRules(lines)
    kept: Dict[str, bool] = {}
    for path in PATHS:
        parts = path.split("/")
        folders = ["/".join(parts[:count]) for count in range(1, len(parts))]
        kept[path] = not any(rules.ignores(folder, is_folder=True) for folder in folders) and not rules.ignores(
            path, is_folder=False
        )
    return {path for path, is_kept in kept.items() if is_kept}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_one_rule_decides_as_git_does(tree: Path, pattern: str):
    assert _kept_by_us([pattern]) == _kept_by_git(tree, [pattern])


@given(st.lists(st.sampled_from(PATTERNS) | st.text("ab*?[]!/\\x.-^", max_size=7), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rules_together_decide_as_git_does(tree: Path, lines: List[str]):
    assert _kept_by_us(lines) == _kept_by_git(tree, lines)


def test_a_question_mark_stands_for_a_letter_of_any_script():
    """Here we differ from git, which counts bytes; v1 counted letters too."""
    assert IgnoreRules(["?"]).ignores("é", is_folder=False)
    assert IgnoreRules(["[é]"]).ignores("é", is_folder=False)
