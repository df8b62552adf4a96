"""Environments: one that is there already, and new ones beside bare uv and venv + pip, from one folder of wheels."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from measure import Figure, show
from uv import find_uv_bin

from terrazul.testing.server import RunningServer

ROUNDS = 3
PACKAGES = ["numpy", "pandas", "scikit-learn"]
SEED = ["pip", "setuptools", "wheel"]
UV = [find_uv_bin()]


def main() -> bool:
    """Build the same environment again and again, each way in turn."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheels = folder / "wheels"
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest", wheels]
        subprocess.run([*download, *PACKAGES, *SEED], check=True)
        server = RunningServer(folder / "home", variables=_uv_variables(folder, "ours"))
        server.start()
        os.environ.update(server.environment)
        ours, uv, pip, found = _measured(folder, server)
        server.stop()
    return show(
        f"An environment of {', '.join(PACKAGES)}, median of {ROUNDS}",
        [
            Figure("there already: to find it", statistics.median(found), "s", 0.2, "AML v1: 1-2 min"),
            Figure("new, wheels in uv's cache", ours["filled"], "s", 1.1 * uv["filled"],
                   f"uv itself (venv --seed, pip install): {uv['filled']:.2f} s, and 10 %"),
            Figure("new, uv's cache empty", ours["empty"], "s", 1.1 * uv["empty"],
                   f"uv itself: {uv['empty']:.2f} s, and 10 %; venv + pip, once: {pip:.1f} s"),
        ],
    )  # fmt: skip


def _measured(folder: Path, server: RunningServer) -> tuple[dict[str, float], dict[str, float], float, list[float]]:
    submit = _submitter(folder)
    ours: dict[str, list[float]] = {"empty": [], "filled": []}
    uv: dict[str, list[float]] = {"empty": [], "filled": []}
    found: list[float] = []
    for _ in range(ROUNDS):
        for cache in ("empty", "filled"):
            shutil.rmtree(server.home.environments_folder, ignore_errors=True)
            for who in ("ours", "bare") if cache == "empty" else ():
                shutil.rmtree(folder / f"cache-{who}", ignore_errors=True)
            ours[cache].append(submit())
            found.append(submit())
            shutil.rmtree(folder / "bare", ignore_errors=True)
            uv[cache].append(_timed(lambda: _with_uv(folder)))
    pip = _timed(lambda: _with_pip(folder))
    medians = [{cache: statistics.median(each) for cache, each in times.items()} for times in (ours, uv)]
    return medians[0], medians[1], pip, found


def _submitter(folder: Path) -> Callable[[], float]:
    from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace  # noqa: PLC0415  # needs the variables

    source = folder / "source"
    source.mkdir()
    (source / "script.py").write_text("print(1)")
    environment = Environment("measured")
    environment.python.conda_dependencies.set_pip_requirements(PACKAGES)
    experiment = Experiment(Workspace.create("benchmark", subscription_id="b", resource_group="b"), "environment")

    def submit() -> float:
        run = experiment.submit(ScriptRunConfig(str(source), script="script.py", environment=environment))
        run.wait_for_completion()
        steps = run.get_detailed_status()["details"]
        return float(next(each["seconds"] for each in steps if each["phase"] == "prepare environment"))

    return submit


def _uv_variables(folder: Path, who: str) -> dict[str, str]:
    return {
        "UV_FIND_LINKS": str(folder / "wheels"),
        "UV_NO_INDEX": "1",
        "UV_OFFLINE": "1",
        "UV_CACHE_DIR": str(folder / f"cache-{who}"),
    }


def _with_uv(folder: Path) -> None:
    target = folder / "bare"
    variables = {**os.environ, **_uv_variables(folder, "bare")}
    venv = [*UV, "venv", "--quiet", "--relocatable", "--seed", "--python", sys.executable, target]
    subprocess.run(venv, check=True, env=variables)
    install = [*UV, "pip", "install", "--quiet", "--python", target / "bin" / "python", *PACKAGES]
    subprocess.run(install, check=True, env=variables)


def _with_pip(folder: Path) -> None:
    target = folder / "pip"
    subprocess.run([sys.executable, "-m", "venv", target], check=True)
    install = [target / "bin" / "pip", "install", "--quiet", "--no-index", "--find-links", folder / "wheels"]
    subprocess.run([*install, *PACKAGES], check=True)


def _timed(action: Callable[[], None]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


if __name__ == "__main__":
    raise SystemExit(not main())
