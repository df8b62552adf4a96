"""The values of metrics as v1 gives them, and the points that they become."""

import json
from pathlib import Path
from typing import Any

import pytest

from terrazul.importing.azureml.points import points_of
from terrazul.wire.metric import MetricKind

ADDRESS = "aml://artifactId/ExperimentRun/dcid.r/"
NAN = {"$number": "NaN"}


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (5, MetricKind.SCALAR, [5]),
        ("Red", MetricKind.SCALAR, ["Red"]),
        (None, MetricKind.SCALAR, [None]),
        ([1, 2.5, "x", None, True], MetricKind.SCALAR, [1, 2.5, "x", None, True]),
        ([1, float("nan")], MetricKind.SCALAR, [1, NAN]),
        ([[1, 2], [float("nan")]], MetricKind.LIST, [[[1, 2], [NAN]]]),
        ({"a": 1, "b": "x"}, MetricKind.ROW, [{"a": 1, "b": "x"}]),
        ({"a": [1, 2]}, MetricKind.TABLE, [{"a": [1, 2]}]),
        (ADDRESS + "plot.png", MetricKind.IMAGE, [ADDRESS + "plot.png"]),
        ([ADDRESS + "a.png", ADDRESS + "b.png"], MetricKind.IMAGE, [ADDRESS + "a.png", ADDRESS + "b.png"]),
        (ADDRESS + "gone.json", MetricKind.IMAGE, [ADDRESS + "gone.json"]),
        (ADDRESS + "../../etc/passwd.json", MetricKind.IMAGE, [ADDRESS + "../../etc/passwd.json"]),
        (ADDRESS + "matrix.json", MetricKind.CONFUSION_MATRIX, [ADDRESS + "matrix.json"]),
        (ADDRESS + "other.json", MetricKind.IMAGE, [ADDRESS + "other.json"]),
        (
            "aml://artifactId/ExperimentRun/dcid.other/x",
            MetricKind.SCALAR,
            ["aml://artifactId/ExperimentRun/dcid.other/x"],
        ),
        ([], MetricKind.SCALAR, []),
        ({}, MetricKind.ROW, []),
    ],
)
def test_the_shape_of_a_value_tells_what_recorded_it(tmp_path: Path, value: Any, kind: MetricKind, expected: list[Any]):
    (tmp_path / "matrix.json").write_text(json.dumps({"schema_type": "confusion_matrix", "data": {}}))
    (tmp_path / "other.json").write_text("[1]")
    points = list(points_of("r", {"m": value}, {}, tmp_path, 7))
    assert [each.value for each in points] == expected
    assert all(
        (each.run_id, each.name, each.kind, each.time, each.step) == ("r", "m", kind, 7, None) for each in points
    )


def test_steps_and_times_are_taken_where_they_are_known(tmp_path: Path):
    metrics = {"stepped": [1, 2], "not stepped": [1, 2], "other count": [1, 2]}
    series = {
        "stepped": {"steps": [0, 10], "times": [5, 6]},
        "not stepped": {"steps": [0, 1], "times": [5, 6]},
        "other count": {"steps": [1], "times": [5]},
    }
    points = list(points_of("r", metrics, series, tmp_path, 7))
    assert [(each.step, each.time) for each in points] == [
        (0, 5000), (10, 6000), (None, 5000), (None, 6000), (None, 7), (None, 7)
    ]  # fmt: skip
