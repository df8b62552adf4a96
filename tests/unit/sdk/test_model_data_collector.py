"""Collected model data: where the files lie, what they hold, and that nothing of it reaches the script."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from azureml.monitoring import ModelDataCollector
from terrazul.sdk.model_data_collector import DATA_VARIABLE

CORRELATIONS = [
    "$aml_dc_correlation_id", "$aml_dc_scoring_timestamp", "$aml_dc_boundary", "$aml_workspace", "$aml_service_name",
    "$aml_model_name", "$aml_model_version", "$aml_request_id",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for the data, with collecting switched on."""
    monkeypatch.setenv("AML_MODEL_DC_STORAGE_ENABLED", "true")
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "data"))
    monkeypatch.setenv("SERVICE_NAME", "svc")
    monkeypatch.setenv("AZUREML_ARM_SUBSCRIPTION", "Sub")
    monkeypatch.setenv("AZUREML_ARM_RESOURCEGROUP", "group")
    monkeypatch.setenv("AZUREML_ARM_WORKSPACE_NAME", "ws")
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path / "azureml-models" / "diabetes" / "3"))
    return tmp_path / "data"


def the_file(folder: Path) -> Path:
    (found,) = [path for path in folder.rglob("*") if path.is_file()]
    return found


def rows_of(file: Path) -> list[list[str]]:
    with file.open(newline="") as stream:
        return list(csv.reader(stream))


def test_it_is_off_unless_the_variable_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.delenv("AML_MODEL_DC_STORAGE_ENABLED")
    assert ModelDataCollector("diabetes", designation="inputs", feature_names=["a"]).collect([1]) is None
    assert "not enabled" in capsys.readouterr().out
    assert not folder.exists()


def test_inputs_lie_in_the_path_of_v1_with_their_correlations(folder: Path):
    collector = ModelDataCollector("diabetes", designation="inputs", feature_names=["a", "b"])
    correlations = collector.collect([1, 2.5], "mine")
    file = the_file(folder)
    year, month, day = correlations["$aml_dc_scoring_timestamp"][:10].split("-")
    place = Path("sub/group/ws/svc/diabetes/3/inputs", year, month, day, "inputs.csv")
    assert file.relative_to(folder) == place
    head, row = rows_of(file)
    assert head == ["a", "b", *CORRELATIONS]
    assert row[:2] == ["1", "2.5"]
    assert row[2:] == [str(correlations[name]) for name in CORRELATIONS]
    assert correlations["$aml_dc_correlation_id"].startswith("mine-")


def test_predictions_lie_beside_the_inputs_that_they_belong_to(folder: Path):
    predictions = ModelDataCollector("diabetes", designation="predictions", feature_names=["y"])
    correlations = ModelDataCollector("other", designation="inputs").collect([1])
    correlations["$aml_dc_scoring_timestamp"] = "2020-02-03T04:05:06.789000"
    predictions.collect(predictions.add_correlations([7], correlations))
    assert (folder / "sub/group/ws/svc/other/default/predictions/2020/02/03/predictions.csv").exists()


def test_an_hour_is_a_level_of_its_own_where_asked(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AML_MODEL_DC_BOUNDARY", "hour")
    correlations = ModelDataCollector("diabetes", designation="inputs").collect([1])
    assert correlations["$aml_dc_boundary"] == 60
    assert the_file(folder).parent.name == correlations["$aml_dc_scoring_timestamp"][11:13]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ([1, "x"], [["1", "x"]]),
        ([[1, 2], [3, 4]], [["1", "2"], ["3", "4"]]),
        (np.array([1.5, 2]), [["1.5", "2.0"]]),
        (np.array([[1, 2], [3, 4]]), [["1", "2"], ["3", "4"]]),
        (pd.DataFrame({"a": [1, 3], "b": [2.5, 4]}), [["a", "b"], ["1", "2.5"], ["3", "4.0"]]),
    ],
)
def test_lists_arrays_and_frames_become_rows(folder: Path, data: object, expected: list[list[str]]):
    ModelDataCollector("m", collection_name="mine").collect(data)
    assert the_file(folder).name == "mine.csv"
    assert rows_of(the_file(folder)) == expected


@pytest.mark.parametrize(
    "data", [[[1], [2]], np.array([[1], [2]]), pd.DataFrame({"y": [1, 2]})], ids=["list", "array", "frame"]
)
def test_correlations_are_added_to_each_row(folder: Path, data: object):
    del folder
    collector = ModelDataCollector("m", designation="predictions")
    correlations = {name: f"v{position}" for position, name in enumerate(CORRELATIONS)}
    added = collector.add_correlations(data, correlations)
    rows = added.to_numpy().tolist() if isinstance(added, pd.DataFrame) else [list(row) for row in added]
    assert rows == [[1, *correlations.values()], [2, *correlations.values()]]
    assert collector.add_correlations(data, None) is data


def test_a_web_service_knows_its_workspace_by_name(folder: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("AZUREML_ARM_SUBSCRIPTION", "AZUREML_ARM_RESOURCEGROUP", "AZUREML_ARM_WORKSPACE_NAME"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("WORKSPACE_NAME", "Named")
    ModelDataCollector("m").collect([1])
    assert (folder / "default/default/named/svc/m").is_dir()


def test_debugging_prints_in_the_place_of_keeping(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("AML_MODEL_DC_STORAGE_ENABLED", "false")
    monkeypatch.setenv("AML_MODEL_DC_DEBUG", "true")
    ModelDataCollector("m", feature_names=["a"]).collect([41])
    assert "a\r\n41" in capsys.readouterr().out
    assert not folder.exists()


def test_an_unknown_designation_is_told_and_collects_nothing(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert ModelDataCollector("m", designation="input").collect([1]) is None
    assert "'input'" in capsys.readouterr().out
    assert not folder.exists()


def test_what_goes_wrong_does_not_reach_the_script(folder: Path, capsys: pytest.CaptureFixture[str]):
    folder.write_text("a file where the folder should be")
    ModelDataCollector("m").collect([1])
    ModelDataCollector("m").collect(object())
    assert capsys.readouterr().err.count("collecting model data failed") == 2


def test_names_cannot_lead_out_of_the_folder(folder: Path):
    ModelDataCollector("../../m", webservice_name="..", collection_name="../../../x").collect([1])
    assert the_file(folder).name == ".._.._.._x.csv"
    assert ".." not in the_file(folder).relative_to(folder).parts


def test_rows_of_several_processes_never_mix(folder: Path):
    program = (
        "from azureml.monitoring import ModelDataCollector as C\n"
        "c = C('m', feature_names=['a', 'b'])\n"
        "for _ in range(200): c.collect(['x' * 50, 'y' * 50])"
    )
    running = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(3)]
    assert [each.wait() for each in running] == [0, 0, 0]
    rows = rows_of(the_file(folder))
    assert rows[0] == ["a", "b"]
    assert rows[1:] == [["x" * 50, "y" * 50]] * 600
