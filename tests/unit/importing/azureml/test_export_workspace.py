"""The program that saves a v1 workspace, without one."""

import ast
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from terrazul.importing.azureml import export_workspace
from terrazul.importing.azureml.export_workspace import Saved, _in_order, _versions, folder_name, size_of

PROGRAM = Path(export_workspace.__file__).read_text()


class Point(NamedTuple):
    value: float
    step: int
    timestamp: int


def test_it_is_written_for_python_3_6():
    ast.parse(PROGRAM, feature_version=(3, 6))
    younger = {"dataclasses", "contextvars", "importlib.resources", "zoneinfo", "tomllib", "graphlib"}
    assert not younger & set(_imported())


def test_it_imports_the_standard_library_alone():
    assert {each.partition(".")[0] for each in _imported()} <= set(sys.stdlib_module_names)


def _imported() -> list[str]:
    found = []
    for node in ast.walk(ast.parse(PROGRAM)):
        if isinstance(node, ast.Import):
            found += [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(str(node.module))
    return found


@pytest.mark.parametrize("name", ["../up", "..", ".", ".hidden", "a/b", "a\\b", "a:b", "ä ö", "nul\0", "C:"])
def test_no_name_leads_out_of_its_folder(name: str):
    written = folder_name(name)
    assert not set(written) & set('/\\:*?"<>|\0 ')
    assert not written.startswith(".")
    assert folder_name("Usual_name-1.2") == "Usual_name-1.2"


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path):
    saved = Saved(tmp_path / "saved")

    def broken(arriving: Path) -> None:
        arriving.write_text("half")
        raise ConnectionError

    with pytest.raises(ConnectionError):
        saved.keep("runs/one/file", broken)
    assert not (tmp_path / "saved/runs/one/file").exists()
    with pytest.raises(OSError, match="nothing arrived"):
        saved.keep("runs/one/file", str)
    assert saved.keep("runs/one/file", lambda arriving: arriving.write_text("whole")) == 5
    assert [each.name for each in (tmp_path / "saved").rglob("*") if each.is_file()] == ["file"]


def test_a_description_that_is_rubbish_is_as_if_it_was_not_there(tmp_path: Path):
    saved = Saved(tmp_path)
    assert saved.read("nowhere.json") == {}
    for rubbish in ("", "[", "[1]", "\0"):
        (tmp_path / "a.json").write_text(rubbish)
        assert saved.read("a.json") == {}
    saved.write("a.json", {"value": float("nan"), "path": Path("x")})
    assert str(saved.read("a.json")) == "{'value': nan, 'path': 'x'}"


def test_points_belong_to_a_metric_only_where_they_have_its_values():
    points = [Point(2.0, 1, 20), Point(float("nan"), 2, 30), Point(1.0, 0, 10)]
    assert _in_order([1, 2, float("nan")], points) == [points[2], points[0], points[1]]
    assert _in_order([2, float("nan"), True], points) == points
    assert _in_order([1, 2], points) == []
    assert _in_order([1, 2, 3], points) == []


def test_versions_count_from_one_where_they_are_numbers():
    assert _versions("3") == ["1", "2", "3"]
    assert _versions(2) == ["1", "2"]
    assert _versions("2026.1") == ["2026.1"]


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 bytes"), (999, "999 bytes"), (1_500_000, "1.5 MB"), (1e16, "1e+04 TB")]
)
def test_sizes_are_readable(count: float, text: str):
    assert size_of(count) == text
