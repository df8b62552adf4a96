"""Contents and runs for tests that speak to a server without the SDK."""

import hashlib

from terrazul.testing.server import RunningServer
from terrazul.wire import pack


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def packed(*contents: bytes) -> bytes:
    return b"".join(pack.encode_header(digest_of(data), len(data)) + data for data in contents)


def send(server: RunningServer, workspace: str, *contents: bytes) -> None:
    server.call("POST", f"{workspace}/contents", packed(*contents))


def file_of(path: str, data: bytes) -> dict[str, object]:
    return {"path": path, "digest": digest_of(data), "size": len(data), "mode": 0o644}


def run_of(server: RunningServer, workspace: str, run_id: str = "r") -> str:
    body = {"writer": run_id, "sequence": 1, "runs": [{"run_id": run_id, "experiment_name": "e", "time": 1}]}
    server.call("POST", f"{workspace}/writes", body)
    return f"{workspace}/runs/{run_id}"
