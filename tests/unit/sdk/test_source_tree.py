"""The walk over a source directory: what it takes, what it leaves out, and what it says."""

import os
import socket
from pathlib import Path
from typing import List, Set

import pytest

from terrazul.core.errors import SnapshotException
from terrazul.sdk.source_tree import walk


def make(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)


def taken(root: Path) -> Set[str]:
    return {file.path for file in walk(str(root)).files}


def notices(root: Path) -> List[str]:
    return walk(str(root)).notices


def test_everything_is_taken_without_rules(tmp_path: Path):
    make(tmp_path, "a.py", "deep/b.py", ".hidden", "outputs/x")
    assert taken(tmp_path) == {"a.py", "deep/b.py", ".hidden", "outputs/x"}
    assert notices(tmp_path) == []


def test_amlignore_silences_gitignore(tmp_path: Path):
    make(tmp_path, "a.py", "b.log", "c.tmp")
    (tmp_path / ".gitignore").write_text("*.log\n")
    assert taken(tmp_path) == {"a.py", "c.tmp", ".gitignore"}
    (tmp_path / ".amlignore").write_text("*.tmp\n")
    assert taken(tmp_path) == {"a.py", "b.log", ".gitignore", ".amlignore"}


def test_only_the_rules_at_the_root_count(tmp_path: Path):
    make(tmp_path, "a.log", "deep/b.log")
    (tmp_path / "deep/.amlignore").write_text("*.log\n")
    assert taken(tmp_path) == {"a.log", "deep/b.log", "deep/.amlignore"}


def test_exclusions_are_listed_where_they_begin(tmp_path: Path):
    make(tmp_path, "a.py", "data/x/1", "data/x/2", "b.log")
    (tmp_path / ".amlignore").write_text("data/\n*.log\n")
    assert sorted(walk(str(tmp_path)).excluded) == ["b.log", "data/"]


def test_junk_is_left_out_with_a_notice_unless_there_are_rules(tmp_path: Path):
    make(tmp_path, "a.py", ".git/config", "my venv/pyvenv.cfg", "my venv/x.py", "node_modules/x", "__pycache__/a.pyc")
    assert taken(tmp_path) == {"a.py"}
    (notice,) = notices(tmp_path)
    assert "'.git/'" in notice
    assert "'my venv/'" in notice
    assert "Write an .amlignore file" in notice
    (tmp_path / ".amlignore").write_text("")
    assert {".git/config", "my venv/x.py", "node_modules/x"} < taken(tmp_path)


def test_gits_own_folder_is_no_part_of_a_repository_with_gitignore(tmp_path: Path):
    make(tmp_path, "a.py", ".git/config")
    (tmp_path / ".gitignore").write_text("*.log\n")
    assert taken(tmp_path) == {"a.py", ".gitignore"}


def test_links_out_of_the_root_are_told_and_not_followed(tmp_path: Path):
    make(tmp_path, "root/a.py", "outside/secret")
    (tmp_path / "root/link").symlink_to(tmp_path / "outside/secret")
    (tmp_path / "root/folder").symlink_to(tmp_path / "outside")
    (tmp_path / "root/dangling").symlink_to(tmp_path / "root/nothing")
    assert taken(tmp_path / "root") == {"a.py"}
    assert notices(tmp_path / "root") == [
        "'dangling' cannot be read (No such file or directory); it is left out.",
        "'folder' is a link that leads out of the source directory; it is left out.",
        "'link' is a link that leads out of the source directory; it is left out.",
    ]


def test_links_inside_are_followed_without_loops(tmp_path: Path):
    make(tmp_path, "data/x", "deep/y")
    (tmp_path / "copy").symlink_to(tmp_path / "data")
    (tmp_path / "file").symlink_to(tmp_path / "data/x")
    (tmp_path / "data/up").symlink_to(tmp_path)
    (tmp_path / "deep/self").symlink_to(tmp_path / "deep")
    assert taken(tmp_path) == {"data/x", "deep/y", "copy/x", "file"}
    assert len(notices(tmp_path)) == 3


def test_links_cannot_multiply_a_tree(tmp_path: Path):
    for level in range(20):
        (tmp_path / f"d{level}").mkdir()
        for name in ("x", "y"):
            (tmp_path / f"d{level}" / name).symlink_to(tmp_path / f"d{level + 1}")
    make(tmp_path, "d20/file")
    assert len(taken(tmp_path)) <= 22


def test_pipes_sockets_and_odd_names_are_told_and_left_out(tmp_path: Path):
    make(tmp_path, "a.py", "new\nline", "back\\slash")
    os.mkfifo(tmp_path / "pipe")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")).write_text("x")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        assert taken(tmp_path) == {"a.py"}
        told = "\n".join(notices(tmp_path))
    assert "'pipe' is not a file" in told
    assert "'socket' is not a file" in told
    assert "'\\udcff' has a name that cannot be kept" in told
    assert len(notices(tmp_path)) == 5


def test_pipe_as_ignore_file_does_not_hang(tmp_path: Path):
    make(tmp_path, "a.py")
    os.mkfifo(tmp_path / ".amlignore")
    assert taken(tmp_path) == {"a.py"}


def test_executable_bit_is_kept(tmp_path: Path):
    make(tmp_path, "a.sh", "b.py")
    (tmp_path / "a.sh").chmod(0o700)
    assert {file.path: file.mode for file in walk(str(tmp_path)).files} == {"a.sh": 0o755, "b.py": 0o644}


def test_single_file_is_a_tree_of_its_own(tmp_path: Path):
    make(tmp_path, "a.py", "b.py")
    assert taken(tmp_path / "a.py") == {"a.py"}


def test_missing_folder_is_told(tmp_path: Path):
    with pytest.raises(SnapshotException, match="is not there"):
        walk(str(tmp_path / "nothing"))
