"""The same for BentoML."""

import os

import bentoml
import joblib
import numpy as np


@bentoml.service(workers=2)
class Service:
    """Scores rows."""

    def __init__(self) -> None:
        self.model = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.pkl"))  # noqa: PTH118  # as in score.py

    @bentoml.api
    def score(self, data: list[list[float]]) -> list[int]:
        """Score them."""
        return self.model.predict(np.array(data)).tolist()
