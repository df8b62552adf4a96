"""Large files in parts, by the real MLflow client."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from terrazul.testing.server import RunningServer
from terrazul.testing.stores import S3_VARIABLES, make_bucket, s3_server

SCRIPT = """
import hashlib, pathlib, os
import mlflow
from mlflow import MlflowClient
from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository as Repository

begun, begin = [], Repository.create_multipart_upload
Repository.create_multipart_upload = lambda *given: begun.append(given) or begin(*given)
data = os.urandom(1 << 20) * 23 + b"the rest"
pathlib.Path("weights.bin").write_bytes(data)
pathlib.Path("small.txt").write_text("small")
with mlflow.start_run() as run:
    mlflow.log_artifact("weights.bin", "model")
    mlflow.log_artifact("weights.bin")
    mlflow.log_artifact("small.txt")
assert [given[2] for given in begun] == [5, 5], begun
for path in ("model/weights.bin", "weights.bin"):
    fetched = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path=path, dst_path="fetched")
    assert pathlib.Path(fetched).read_bytes() == data
print("run", run.info.run_id, hashlib.sha256(data).hexdigest())
"""


@pytest.fixture
def server_of_a_bucket(tmp_path: Path) -> Iterator[RunningServer]:
    """A server with its files in a bucket that clients reach too."""
    with s3_server() as place:
        bucket = make_bucket(f"http://{place}")
        options = ("--storage", f"s3://{bucket}", "--storage-endpoint", f"http://{place}", "--storage-direct")
        server = RunningServer(tmp_path / "home", *options, variables=S3_VARIABLES)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("client_python", ["current"], indirect=True)
def test_client_sends_large_files_in_parts(platform: RunningServer, client_python: Path, tmp_path: Path):
    send_and_fetch(platform, client_python, tmp_path)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("client_python", ["current"], indirect=True)
def test_client_puts_parts_into_a_bucket(server_of_a_bucket: RunningServer, client_python: Path, tmp_path: Path):
    send_and_fetch(server_of_a_bucket, client_python, tmp_path)
    text = server_of_a_bucket.ask("GET", "/metrics").body.decode()
    puts = re.findall(r'^terrazul_requests_total\{method="PUT".*\} (\S+)', text, re.MULTILINE)
    assert [float(each) for each in puts] == [1]  # the small file


def send_and_fetch(platform: RunningServer, client_python: Path, tmp_path: Path) -> None:
    workspace = platform.workspace("parts")
    (tmp_path / "script.py").write_text(SCRIPT)
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW", "PYTHON"))},
        "MLFLOW_TRACKING_URI": f"{platform.url}{workspace}/mlflow",
        "MLFLOW_TRACKING_TOKEN": platform.token,
        "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true",
        "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": str(8 << 20),
        "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": str(5 << 20),
        "GIT_PYTHON_REFRESH": "quiet",
    }
    done = subprocess.run(
        [str(client_python), "script.py"], cwd=tmp_path, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    run_id, digest = done.stdout.rpartition("run ")[2].split()
    artifacts = platform.call("GET", f"{workspace}/runs/{run_id}/artifacts")
    kept = {each["path"]: each["digest"] for each in artifacts if each["path"] != "small.txt"}
    assert kept == {"model/weights.bin": digest, "weights.bin": digest}
