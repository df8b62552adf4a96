"""A request to a web service: CPU of all its processes, beside the model inlined in ASGI and beside other servers.

``python benchmarks/scoring.py`` measures against the limit and v1's inference server; with ``--rivals`` also against
LitServe, BentoML and MLServer. Each is installed into an environment of its own below ``.bench``. Everything is
measured in turns, several times over, and the least CPU counts: it is the one that the rest of the machine disturbed
least.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil
from contender import cpu_seconds, environment, free_port, is_healthy, running
from measure import Figure, show

HERE = Path(__file__).parent
SERVICES = HERE / "services"
TURNS = 5
MODEL = """
import joblib, numpy, sys
from sklearn.linear_model import LogisticRegression
rows = numpy.random.default_rng(1).random((500, 10))
joblib.dump(LogisticRegression().fit(rows, rows.sum(axis=1) > 5), sys.argv[1])
"""
IMPORTS = "import json, os, sys, joblib, numpy; joblib.load(sys.argv[1]).predict(numpy.zeros((1, 10)))"


class Server(NamedTuple):
    """A contender: what it is installed from, and how it is started at a port."""

    name: str
    packages: list[str]
    command: Callable[[Path, int], list[str]]
    path: str = "/score"
    health: str = "/"
    requests: int = 1500


class Measured(NamedTuple):
    """The best of several turns."""

    cpu_ms: float
    per_second: float


def _ours(*options: str) -> Callable[[Path, int], list[str]]:
    def command(python: Path, port: int) -> list[str]:
        line = [sys.executable, "-m", "terrazul.scoring.serve", "--entry-script", str(SERVICES / "score.py")]
        return [*line, "--port", str(port), "--worker-count", "2", "--python", str(python), *options]

    return command


MODEL_PACKAGES = ["scikit-learn", "joblib", "numpy"]
RAW = Server(
    "raw",
    [*MODEL_PACKAGES, "uvicorn", "httptools", "uvloop", "orjson", "azureml-inference-server-http"],
    lambda python, port: [
        str(python), "-m", "uvicorn", "raw:app", "--app-dir", str(SERVICES), "--port", str(port), "--workers", "2",
        "--log-level", "critical", "--no-access-log",
    ],
)  # fmt: skip
OURS = Server("ours", RAW.packages, _ours())
BATCHING = Server("batching", RAW.packages, _ours("--max-batch-size", "64"))
V1 = Server(
    "azureml-inference-server-http",
    RAW.packages,
    lambda python, port: [
        str(python.with_name("azmlinfsrv")), "--entry_script", str(SERVICES / "score.py"), "--port", str(port),
        "--worker_count", "2",
    ],
    requests=500,
)  # fmt: skip
RIVALS = [
    Server(
        "LitServe", [*MODEL_PACKAGES, "litserve"],
        lambda python, port: [str(python), str(SERVICES / "lit.py"), str(port)], requests=400,
    ),
    Server(
        "BentoML", [*MODEL_PACKAGES, "bentoml"],
        lambda python, port: [
            str(python.with_name("bentoml")), "serve", "bento:Service", "--working-dir", str(SERVICES), "--port",
            str(port),
        ],
        requests=400,
    ),
    Server(
        "MLServer", ["mlserver", "mlserver-sklearn", "uvloop<0.22"],
        lambda python, port: [
            "env", f"MLSERVER_HTTP_PORT={port}", f"MLSERVER_GRPC_PORT={free_port()}",
            f"MLSERVER_METRICS_PORT={free_port()}", "MLSERVER_PARALLEL_WORKERS=2",
            f"MLSERVER_MODEL_URI={os.environ['AZUREML_MODEL_DIR']}/model.joblib",
            str(python.with_name("mlserver")), "start", str(SERVICES / "mlserver"),
        ],
        path="/v2/models/model/infer", health="/v2/health/ready", requests=400,
    ),
]  # fmt: skip


def main() -> bool:
    """Measure; True where every goal is met."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        python = _environment(RAW)
        os.environ["AZUREML_MODEL_DIR"] = folder
        model = Path(folder, "model.pkl")
        subprocess.run([python, "-c", MODEL, model], check=True)
        Path(folder, "model.joblib").symlink_to(model)
        begun, imported = _start_seconds(python, model)
        started = {each.name: (each, stack.enter_context(_running(each))) for each in [RAW, OURS, BATCHING, V1]}
        if "--rivals" in sys.argv:
            for rival in RIVALS:
                with contextlib.suppress(subprocess.CalledProcessError, TimeoutError):  # what does not install here
                    started[rival.name] = rival, stack.enter_context(_running(rival))
        one = _measure(started, ["raw", "ours", V1.name, *(each.name for each in RIVALS)], 1, 1)
        many = _measure(started, ["raw", "ours", "batching", V1.name], 64, 1)
        rows = _measure(started, ["raw", "ours", V1.name], 1, 100)
    raw, ours, v1 = one["raw"], one["ours"], one[V1.name]
    rivals = "".join(
        f", {name} {each.cpu_ms / raw.cpu_ms:.1f}" for name, each in one.items() if name not in {"raw", "ours", V1.name}
    )
    factor = many["batching"].per_second / many["ours"].per_second
    return show(
        "A request to a web service: logistic regression, 2 workers",
        [
            Figure(
                "one row, one connection: CPU, times the limit", ours.cpu_ms / raw.cpu_ms, "", 1.48,
                f"{ours.cpu_ms:.3f} ms; raw uvicorn {raw.cpu_ms:.3f} ms; times: {V1.name} "
                f"{v1.cpu_ms / raw.cpu_ms:.1f}{rivals}",
            ),
            Figure(
                "one row, 64 connections: CPU, times the limit", many["ours"].cpu_ms / many["raw"].cpu_ms, "", 1.48,
                f"{many['ours'].per_second:.0f} requests/s; raw {many['raw'].per_second:.0f}, {V1.name} "
                f"{many[V1.name].per_second:.0f}",
            ),
            Figure(
                f"100 rows: requests/s of {V1.name}, of ours", rows[V1.name].per_second / rows["ours"].per_second, "",
                0.5, f"{rows['ours'].per_second:.0f} requests/s; {rows[V1.name].per_second:.0f} there; "
                f"CPU {rows['ours'].cpu_ms:.2f} ms, raw {rows['raw'].cpu_ms:.2f} ms",
            ),
            Figure(
                "without micro-batching, of with it (64 connections)", 1 / factor, "", 0.4,
                f"{many['batching'].per_second:.0f} requests/s with it: {factor:.1f} times",
            ),
            Figure(
                "start to healthy, times importing the model's libraries", begun / imported, "", 1.1,
                f"{begun:.2f} s; imports alone {imported:.2f} s",
            ),
        ],
    )  # fmt: skip


def _measure(
    started: dict[str, tuple[Server, tuple[int, psutil.Process]]], names: list[str], connections: int, rows: int
) -> dict[str, Measured]:
    """The best of several turns for each, in turns."""
    best: dict[str, Measured] = {}
    for _ in range(TURNS):
        for name in names:
            if name not in started:
                continue
            server, (port, process) = started[name]
            requests = server.requests // (3 if rows > 1 else 1)
            turn = _turn(server.path, port, process, connections, requests, rows)
            so_far = best.get(name, turn)
            best[name] = Measured(min(turn.cpu_ms, so_far.cpu_ms), max(turn.per_second, so_far.per_second))
    return best


def _turn(path: str, port: int, process: psutil.Process, connections: int, requests: int, rows: int) -> Measured:
    before = cpu_seconds(process)
    command = [sys.executable, SERVICES / "load.py", *map(str, (port, path, connections, requests, rows))]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Measured((cpu_seconds(process) - before) / requests * 1000, requests / float(done.stdout))


def _environment(server: Server) -> Path:
    """The interpreter of an environment that holds a contender."""
    return environment(server.name if server.name not in {"ours", "batching", V1.name} else "raw", server.packages)


def _running(server: Server) -> contextlib.AbstractContextManager[tuple[int, psutil.Process]]:
    python = _environment(server)
    return running(server.name, lambda port: server.command(python, port), server.health)


def _start_seconds(python: Path, model: Path) -> tuple[float, float]:
    """From starting one worker's service to healthy, and the interpreter's start with the imports alone."""
    begun, imported = [], []
    for _ in range(TURNS):
        begin = time.perf_counter()
        subprocess.run([python, "-c", IMPORTS, model], check=True)
        imported.append(time.perf_counter() - begin)
        port = free_port()
        command = [*OURS.command(python, port), "--worker-count", "1"]
        begin = time.perf_counter()
        process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert is_healthy(port, process, OURS.health)
        begun.append(time.perf_counter() - begin)
        process.terminate()
        process.wait()
    return min(begun), min(imported)


if __name__ == "__main__":
    raise SystemExit(not main())
