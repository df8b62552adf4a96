"""A scikit-learn model in one file: ``{"data": [[…], …]}`` in, the predictions out."""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path
from typing import Any, List

from terrazul.scoring.worker.entry_script import BadInput

_model: List[Any] = []


def init() -> None:
    """Load the one file of the model."""
    path = _file_of(os.environ["AZUREML_MODEL_DIR"])
    joblib: Any = importlib.import_module("joblib")  # scikit-learn brings it
    _model[:] = [joblib.load(path)]


def run(data: str) -> Any:
    """The predictions for the rows of one request."""
    return {"predict": _predict(_rows_of(data))}


def run_batch(requests: List[str]) -> List[Any]:
    """The predictions for several requests, made at once."""
    rows = [_rows_of(each) for each in requests]
    found = _predict([row for each in rows for row in each])
    answers = []
    begin = 0
    for each in rows:
        answers.append({"predict": found[begin : begin + len(each)]})
        begin += len(each)
    return answers


def _predict(rows: List[Any]) -> List[Any]:
    np: Any = importlib.import_module("numpy")
    try:
        result: List[Any] = _model[0].predict(np.array(rows)).tolist()
    except (ValueError, TypeError) as problem:
        raise BadInput(400, f"The model cannot be asked this: {problem}") from None
    return result


def _rows_of(data: str) -> List[Any]:
    try:
        content = json.loads(data)
    except ValueError as problem:
        raise BadInput(400, f"The body is not JSON: {problem}") from None
    rows = content.get("data", content.get("input_data")) if isinstance(content, dict) else content
    if not isinstance(rows, list):
        message = 'The body must be {"data": [[...], ...]}, a list of rows.'
        raise BadInput(400, message)
    return rows


def _file_of(folder: str) -> Path:
    files = [file for file in Path(folder).rglob("*") if file.is_file()]
    if len(files) != 1:
        message = f"A scikit-learn model is one file; this one has {len(files)}. Write an entry script for it."
        raise ValueError(message)
    return files[0]
