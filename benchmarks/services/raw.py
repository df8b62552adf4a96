"""The limit: an ASGI application with the model in it, and nothing of a contract."""

import os

import joblib
import numpy as np
import orjson

MODEL = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.pkl"))  # noqa: PTH118  # as the script does it


async def app(scope, receive, send) -> None:  # noqa: ANN001  # ASGI's
    """Answer one request."""
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    rows = orjson.loads(body)["data"] if body else []
    answer = orjson.dumps(MODEL.predict(np.array(rows)).tolist()) if rows else b"Healthy"
    length = str(len(answer)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
