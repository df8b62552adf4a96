"""The entry script that is measured: v1's way of writing one, and our addition for waiting requests."""

import json
import os

import joblib
import numpy as np


def init() -> None:
    """Load the model."""
    global model  # noqa: PLW0603  # as v1's scripts do it
    model = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.pkl"))  # noqa: PTH118  # as above


def run(data: str) -> list[int]:
    """Score the rows of one request."""
    return model.predict(np.array(json.loads(data)["data"])).tolist()


def run_batch(requests: list[str]) -> list[list[int]]:
    """Score the rows of several."""
    rows = [json.loads(each)["data"] for each in requests]
    found = model.predict(np.array([row for each in rows for row in each])).tolist()
    ends = np.cumsum([len(each) for each in rows])
    return [found[end - len(each) : end] for each, end in zip(rows, ends, strict=True)]
