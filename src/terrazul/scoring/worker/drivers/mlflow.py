"""A model in MLflow's format, loaded by MLflow itself; takes MLflow's forms of input, and ``{"data": [[…], …]}``."""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path
from typing import Any, Dict, List

from terrazul.scoring.worker.entry_script import BadInput

_model: List[Any] = []


def init() -> None:
    """Load the folder that holds ``MLmodel``."""
    pyfunc: Any = importlib.import_module("mlflow.pyfunc")
    _model[:] = [pyfunc.load_model(_folder_of(os.environ["AZUREML_MODEL_DIR"]))]


def run(data: str) -> Any:
    """The predictions for one request, in MLflow's form: ``{"predictions": …}``."""
    try:
        content = json.loads(data)
        parameters = content.get("params") if isinstance(content, dict) else None
        table = _table_of(content)
        found = _model[0].predict(table, params=parameters) if parameters else _model[0].predict(table)
    except (ValueError, TypeError, KeyError, *_refusals()) as problem:
        raise BadInput(400, f"The model cannot be asked this: {problem}") from None
    return {"predictions": _plain(found)}


def _refusals() -> Any:
    """What MLflow raises for an input that is not that of the signature."""
    return (importlib.import_module("mlflow.exceptions").MlflowException,)


def _table_of(content: Any) -> Any:
    pd: Any = importlib.import_module("pandas")
    if not isinstance(content, dict):
        return pd.DataFrame(content)
    if "dataframe_split" in content:
        split = content["dataframe_split"]
        return pd.DataFrame(split["data"], columns=split.get("columns"), index=split.get("index"))
    if "dataframe_records" in content:
        return pd.DataFrame(content["dataframe_records"])
    tensors = content.get("instances", content.get("inputs"))
    return _tensors_of(tensors) if tensors is not None else _rows_of(content)


def _tensors_of(value: Any) -> Any:
    np: Any = importlib.import_module("numpy")
    if isinstance(value, dict):
        return {key: np.array(each) for key, each in value.items()}
    if value and isinstance(value[0], dict):
        return importlib.import_module("pandas").DataFrame(value)
    return np.array(value)


def _rows_of(content: Dict[str, Any]) -> Any:
    pd: Any = importlib.import_module("pandas")
    rows = content.get("data", content.get("input_data"))
    if isinstance(rows, dict):
        return pd.DataFrame(rows.get("data"), columns=rows.get("columns"), index=rows.get("index"))
    if rows is None:
        message = (
            "The body must have one of: dataframe_split, dataframe_records, instances, inputs, data, input_data; "
            f"it has {', '.join(sorted(content)) or 'nothing'}."
        )
        raise BadInput(400, message)
    return pd.DataFrame(rows, columns=_columns(rows))


def _columns(rows: Any) -> Any:
    """The names of the signature's columns, for rows without names."""
    schema = _model[0].metadata.get_input_schema()
    names = schema.input_names() if schema is not None and schema.has_input_names() else None
    named = isinstance(rows, list) and rows and isinstance(rows[0], dict)
    return None if named or names is None or not rows or len(names) != len(rows[0]) else names


def _plain(found: Any) -> Any:
    if hasattr(found, "to_dict") and hasattr(found, "columns"):
        return json.loads(found.to_json(orient="records"))
    return found.tolist() if hasattr(found, "tolist") else found


def _folder_of(folder: str) -> str:
    for file in sorted(Path(folder).rglob("MLmodel")):
        return str(file.parent)
    message = f"There is no MLmodel file below {Path(folder).name}."
    raise FileNotFoundError(message)
