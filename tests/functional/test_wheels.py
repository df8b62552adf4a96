"""What a user installs: two wheels, the first without any requirement."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import terrazul

ROOT = Path(terrazul.__file__).parents[2]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Both wheels, built."""
    folder = tmp_path_factory.mktemp("wheels")
    for project in (ROOT, ROOT / "wheels" / "azureml"):
        command = [sys.executable, "-m", "uv", "build", "--wheel", "--no-build-isolation", "--out-dir", folder, project]
        subprocess.run(command, check=True, capture_output=True)
    return {path.name.partition("-")[0]: path for path in folder.glob("*.whl")}


def test_each_wheel_holds_its_own(wheels: dict[str, Path]):
    names = {}
    for name, path in wheels.items():
        with zipfile.ZipFile(path) as opened:
            names[name] = opened.namelist()
            metadata = next(each for each in names[name] if each.endswith("METADATA"))
            required = [
                line for line in opened.read(metadata).decode().splitlines() if line.startswith("Requires-Dist")
            ]
        unconditional = [line for line in required if "extra ==" not in line]
        assert unconditional == ([] if name == "terrazul" else ["Requires-Dist: terrazul"])
    assert {"terrazul", "terrazul_azureml"} == set(names)
    assert "terrazul/compatibility/surface.json" in names["terrazul"]
    assert "terrazul/server/sql/migrations/env.py" in names["terrazul"]
    assert not [name for name in names["terrazul"] if name.startswith("azureml/")]
    assert "azureml/core/__init__.py" in names["terrazul_azureml"]
    assert "azureml_inference_server_http/api/aml_request.py" in names["terrazul_azureml"]


def test_installed_without_requirements_the_sdk_works(wheels: dict[str, Path], tmp_path: Path):
    folder = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "uv", "venv", "--quiet", "--python", sys.executable, folder], check=True)
    python = folder / "bin" / "python"
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--python", python]
    subprocess.run([*install, *wheels.values()], check=True)
    program = "from azureml.core import Run; print(Run.get_context().id)"
    shown = subprocess.run([python, "-c", program], check=True, capture_output=True, text=True, cwd=tmp_path).stdout
    assert shown.startswith("OfflineRun_")
    up = subprocess.run([folder / "bin" / "terrazul", "up"], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert up.returncode != 0
    assert 'pip install "terrazul[server]"' in up.stderr
