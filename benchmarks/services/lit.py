"""The same for LitServe."""

import os
import sys

import joblib
import litserve
import numpy as np


class Api(litserve.LitAPI):
    """Scores rows."""

    def setup(self, device: str) -> None:
        """Load the model."""
        del device
        self.model = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.pkl"))  # noqa: PTH118  # as in score.py

    def decode_request(self, request: dict) -> list:
        """The rows of a request."""
        return request["data"]

    def predict(self, rows: list) -> list:
        """Score them."""
        return self.model.predict(np.array(rows)).tolist()

    def encode_response(self, output: list) -> list:
        """The answer."""
        return output


if __name__ == "__main__":
    server = litserve.LitServer(Api(api_path="/score"), accelerator="cpu", workers_per_device=2)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), log_level="error", generate_client_file=False)
