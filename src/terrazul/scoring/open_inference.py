"""The Open Inference Protocol, version 2: tensors as JSON, made into what ``run`` takes, and back.

One tensor becomes ``{"data": …}``, several an object with their names; the shape decides how the values nest.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Tuple

from terrazul.scoring.worker.frames import Answer, Body

_OK = 200
_BOOLEAN, _WHOLE, _DECIMAL, _BYTES = "BOOL", "INT64", "FP64", "BYTES"


class NoTensors(Exception):
    """The body is not a request of the protocol."""


def to_run(body: Body) -> Tuple[bytes, str]:
    """The body for ``run``, and the id that the client gave. Raises ``NoTensors``."""
    try:
        content = json.loads(body)
        tensors = [(str(each["name"]), _nested(each["data"], list(each["shape"]))) for each in content["inputs"]]
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as problem:
        message = "The body must have inputs, each with name, shape, datatype and data"
        raise NoTensors(f"{message}: {type(problem).__name__} {problem}.") from None
    if not tensors:
        message = "The request has no inputs."
        raise NoTensors(message)
    plain: Dict[str, Any] = {"data": tensors[0][1]} if len(tensors) == 1 else dict(tensors)
    return json.dumps(plain).encode(), str(content.get("id", ""))


def from_run(answer: Answer, model: str, version: str, request_id: str) -> Answer:
    """The answer of ``run`` as tensors; one that is an error stays as it is, under the protocol's key."""
    if answer.status != _OK:
        return answer._replace(body=json.dumps({"error": _message_of(answer.body)}).encode(), headers=())
    value = json.loads(answer.body)
    if isinstance(value, str):
        value = _unwrapped(value)
    named = value.items() if isinstance(value, dict) and value else [("output-0", value)]
    outputs = [_tensor(name, each) for name, each in named]
    content = {"model_name": model, "model_version": version, "outputs": outputs}
    if request_id:
        content["id"] = request_id
    return answer._replace(body=json.dumps(content).encode())


def metadata(model: str, version: str) -> Dict[str, Any]:
    """What is known of the model."""
    tensor = {"name": "data", "datatype": _DECIMAL, "shape": [-1, -1]}
    return {
        "name": model,
        "versions": [version],
        "platform": "terrazul",
        "inputs": [tensor],
        "outputs": [{**tensor, "name": "output-0", "shape": [-1]}],
    }


def _nested(data: Any, shape: List[int]) -> Any:
    flat = _flat(data)
    size = 1
    for each in shape:
        size *= int(each)
    if size != len(flat):
        message = f"the shape {shape} has {size} values, the data {len(flat)}"
        raise ValueError(message)
    for length in reversed(shape[1:]):
        flat = [flat[begin : begin + length] for begin in range(0, len(flat), length)] if length else []
    return flat


def _flat(data: Any) -> List[Any]:
    found: List[Any] = []
    stack = [data]
    while stack:
        each = stack.pop()
        if isinstance(each, list):
            stack.extend(reversed(each))
        else:
            found.append(each)
    return found


def _tensor(name: str, value: Any) -> Dict[str, Any]:
    values = value if isinstance(value, list) else [value]
    flat = _flat(values)
    datatype, flat = _typed(flat)
    return {"name": name, "datatype": datatype, "shape": _shape(values, len(flat)), "data": flat}


def _shape(values: List[Any], size: int) -> List[int]:
    shape: List[int] = []
    level: Any = values
    while isinstance(level, list):
        shape.append(len(level))
        level = level[0] if level else None
    product = 1
    for each in shape:
        product *= each
    return shape if product == size else [size]


def _typed(flat: List[Any]) -> Tuple[str, List[Any]]:
    if all(isinstance(each, bool) for each in flat):
        return _BOOLEAN, flat
    if all(isinstance(each, int) and not isinstance(each, bool) for each in flat):
        return _WHOLE, flat
    if all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in flat):
        return _DECIMAL, flat
    return _BYTES, [each if isinstance(each, str) else json.dumps(each) for each in flat]


def _unwrapped(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _message_of(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode("utf-8", "replace")
