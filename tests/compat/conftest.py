"""A project of a v1 user: a folder with a ``config.json``, data, and an environment file, beside a running platform."""

import fcntl
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes

from terrazul.testing.server import RunningServer

CONFIG = '{"subscription_id": "4711", "resource_group": "compat", "workspace_name": "%s"}'
ENVIRONMENT = """name: experiment_env
dependencies:
- scikit-learn
- pandas
- pip
- pip:
  - azureml-defaults
  - joblib
"""

CLIENTS = {"current": ["mlflow", "lightgbm"], "previous": ["mlflow==2.22.*", "sqlalchemy<2.1"]}

mpl.use("Agg")


@pytest.fixture(scope="package")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for all cases; each has a workspace of its own."""
    running = RunningServer(tmp_path_factory.mktemp("platform") / "home")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def project(
    platform: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Path:
    """The current folder of the test, as of a notebook."""
    for name, value in platform.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    workspace = re.sub(r"\W", "-", request.node.name.replace("test_", "", 1))[:33]
    (tmp_path / "config.json").write_text(CONFIG % workspace)
    (tmp_path / "environment.yml").write_text(ENVIRONMENT)
    data = tmp_path / "data"
    data.mkdir()
    cancer = load_breast_cancer(as_frame=True).frame.rename(columns={"target": "Benign"})
    cancer.to_csv(data / "cancer.csv", index=False)
    load_diabetes(as_frame=True, scaled=False).frame.to_csv(data / "diabetes.csv", index=False)
    return tmp_path


@pytest.fixture(scope="session", params=list(CLIENTS))
def client_python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has MLflow's client, and nothing of Terrazul; one for all workers of a session."""
    own = tmp_path_factory.getbasetemp()
    place = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "clients" / request.param
    place.mkdir(parents=True, exist_ok=True)
    python = place / "client" / "bin" / "python"
    uv = str(Path(sys.executable).with_name("uv"))
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "made").exists():
            subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(place / "client")], check=True)
            install = [uv, "pip", "install", "--quiet", "--python", str(python), *CLIENTS[request.param]]
            subprocess.run(install, check=True)
            (place / "made").touch()
    return python
