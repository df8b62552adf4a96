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

from terrazul.node.environment.build import Builder, Watcher
from terrazul.node.environment.interpreter import Interpreter
from terrazul.node.environment.plan import Recipe
from terrazul.node.log import TimedLog
from terrazul.node.stop import Stop
from terrazul.testing.server import RunningServer
from terrazul.wire.node import EnvironmentLimits

ROUNDS = 2
AGAIN = 3
PACKAGES = ["numpy", "pandas", "scikit-learn"]
SEED = ["pip", "setuptools", "wheel"]
UV = [find_uv_bin()]


def main() -> bool:
    """Build the same environment again and again, each way in turn; then find it from runs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheels = folder / "wheels"
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest", wheels]
        subprocess.run([*download, *PACKAGES, *SEED], check=True, stderr=subprocess.DEVNULL)
        ours, uv = _built(folder)
        pip = _timed(lambda: _with_pip(folder))
        found = _found(folder)
    return show(
        f"An environment of {', '.join(PACKAGES)}, the least of {ROUNDS} and {ROUNDS * AGAIN} rounds",
        [
            Figure("there already: a run's phase", found, "s", 0.2, "AML v1: 1-2 min"),
            Figure("new, wheels in uv's cache", ours["filled"], "s", 1.1 * uv["filled"],
                   f"uv itself (venv --seed, pip install): {uv['filled']:.2f} s, and 10 %"),
            Figure("new, uv's cache empty", ours["empty"], "s", 1.1 * uv["empty"],
                   f"uv itself: {uv['empty']:.2f} s, and 10 %; venv + pip, once: {pip:.1f} s"),
        ],
    )  # fmt: skip


def _built(folder: Path) -> tuple[dict[str, float], dict[str, float]]:
    times: dict[str, dict[str, list[float]]] = {who: {"empty": [], "filled": []} for who in ("ours", "bare")}
    for round_ in range(ROUNDS):
        for who in ("ours", "bare") if round_ % 2 else ("bare", "ours"):
            shutil.rmtree(folder / "cache", ignore_errors=True)
            times[who]["empty"].append(_built_once(folder, who))
        for _ in range(AGAIN):
            for who in ("ours", "bare"):
                times[who]["filled"].append(_built_once(folder, who))
    least = {who: {cache: min(each) for cache, each in of.items()} for who, of in times.items()}
    return least["ours"], least["bare"]


def _built_once(folder: Path, who: str) -> float:
    shutil.rmtree(folder / who, ignore_errors=True)
    return _timed(lambda: (_with_builder if who == "ours" else _with_uv)(folder))


def _found(folder: Path) -> float:
    """Seconds of the phase of runs whose environment is there."""
    server = RunningServer(folder / "home", variables=_uv_variables(folder))
    server.start()
    os.environ.update(server.environment)
    from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace  # noqa: PLC0415  # needs the variables

    source = folder / "source"
    source.mkdir()
    (source / "script.py").write_text("print(1)")
    environment = Environment("measured")
    environment.python.conda_dependencies.set_pip_requirements(PACKAGES)
    experiment = Experiment(Workspace.create("benchmark", subscription_id="b", resource_group="b"), "environment")
    seconds = []
    for _ in range(5):
        run = experiment.submit(ScriptRunConfig(str(source), script="script.py", environment=environment))
        run.wait_for_completion()
        steps = run.get_detailed_status()["details"]
        seconds.append(float(next(each["seconds"] for each in steps if each["phase"] == "prepare environment")))
    server.stop()
    return statistics.median(seconds[1:])


def _uv_variables(folder: Path) -> dict[str, str]:
    return {
        "UV_FIND_LINKS": str(folder / "wheels"),
        "UV_NO_INDEX": "1",
        "UV_OFFLINE": "1",
        "UV_CACHE_DIR": str(folder / "cache"),
    }


def _with_builder(folder: Path) -> None:
    os.environ.update(_uv_variables(folder))
    place = folder / "ours"
    place.mkdir()
    log = TimedLog(place / "log.txt")
    log.line("builds")
    recipe = Recipe("measured", Interpreter(sys.executable, sys.version_info[:2]), PACKAGES, [])
    Builder(recipe, place / "environments", Watcher(log, Stop()), EnvironmentLimits()).build()


def _with_uv(folder: Path) -> None:
    target = folder / "bare"
    variables = {**os.environ, **_uv_variables(folder)}
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
