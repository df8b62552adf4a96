"""Tensors as JSON, made into what ``run`` takes, and back."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrazul.scoring import open_inference
from terrazul.scoring.open_inference import NoTensors
from terrazul.scoring.worker.frames import Answer


def request(*tensors: object, **more: object) -> bytes:
    return json.dumps({"inputs": tensors, **more}).encode()


def tensor(data: object, *shape: int, name: str = "x") -> dict[str, object]:
    return {"name": name, "shape": shape, "datatype": "FP64", "data": data}


@pytest.mark.parametrize(
    ("given_tensor", "expected"),
    [
        (tensor([1, 2, 3, 4], 2, 2), [[1, 2], [3, 4]]),
        (tensor([[1, 2], [3, 4]], 2, 2), [[1, 2], [3, 4]]),
        (tensor([1, 2], 2), [1, 2]),
        (tensor(list(range(8)), 2, 2, 2), [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]),
        (tensor([], 0, 4), []),
    ],
)
def test_shape_decides_how_values_nest(given_tensor: object, expected: object):
    assert json.loads(open_inference.to_run(request(given_tensor))[0]) == {"data": expected}


def test_several_tensors_keep_their_names():
    body, own_id = open_inference.to_run(request(tensor([1], 1, name="a"), tensor([2], 1, name="b"), id="7"))
    assert (json.loads(body), own_id) == ({"a": [1], "b": [2]}, "7")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"{}", request(), b'{"inputs": 5}', request({"name": "x"}), request(tensor([1], 2)),
     request(tensor([1], -1)), request({"name": "x", "shape": ["y"], "data": [1]}), b"[" * 100_000, b"\xff",
     request(tensor([1, 2], 0))],
)  # fmt: skip
def test_what_is_no_request_is_refused(body: bytes):
    with pytest.raises(NoTensors):
        open_inference.to_run(body)


@pytest.mark.parametrize(
    ("result", "outputs"),
    [
        ([1, 2], [("output-0", "INT64", [2], [1, 2])]),
        ([[1.5, 2], [3, 4]], [("output-0", "FP64", [2, 2], [1.5, 2, 3, 4])]),
        (7, [("output-0", "INT64", [1], [7])]),
        ([True], [("output-0", "BOOL", [1], [True])]),
        (["a", None], [("output-0", "BYTES", [2], ["a", "null"])]),
        ({"a": [1], "b": "x"}, [("a", "INT64", [1], [1]), ("b", "BYTES", [1], ["x"])]),
        ([[1], [2, 3]], [("output-0", "INT64", [3], [1, 2, 3])]),
        (json.dumps({"a": [1]}), [("a", "INT64", [1], [1])]),
        ("no json", [("output-0", "BYTES", [1], ["no json"])]),
    ],
)
def test_results_become_tensors(result: object, outputs: list[tuple[str, str, list[int], list[object]]]):
    answer = open_inference.from_run(Answer(200, json.dumps(result).encode()), "m", "1", "7")
    content = json.loads(answer.body)
    assert (content["model_name"], content["model_version"], content["id"]) == ("m", "1", "7")
    assert [tuple(each[key] for key in ("name", "datatype", "shape", "data")) for each in content["outputs"]] == outputs


def test_errors_stay_errors_under_the_protocols_key():
    answer = open_inference.from_run(Answer(500, b'{"message": "why"}'), "m", "1", "")
    assert (answer.status, json.loads(answer.body)) == (500, {"error": "why"})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(json_values)
def test_any_result_can_be_told(result: object):
    answer = open_inference.from_run(Answer(200, json.dumps(result).encode()), "m", "1", "")
    for each in json.loads(answer.body)["outputs"]:
        size = 1
        for length in each["shape"]:
            size *= length
        assert size == len(each["data"])


@given(json_values)
def test_any_body_is_read_or_refused(content: object):
    for body in (json.dumps(content).encode(), request(content), request({"name": "x", "shape": content, "data": [1]})):
        with contextlib.suppress(NoTensors):
            open_inference.to_run(body)
