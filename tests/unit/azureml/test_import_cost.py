"""What an import of the v1 names costs, and that it needs nothing but the standard library."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

SOURCE = Path(__file__).parents[3] / "src"
LISTING = "import json, sys; print(json.dumps({n: getattr(m, '__file__', None) for n, m in sys.modules.items()}))"


def modules_after(statement: str, path: str = str(SOURCE)) -> dict[str, str | None]:
    program = f"{statement}\n{LISTING}"
    command = [sys.executable, "-S", "-c", program]
    environment = {**os.environ, "PYTHONPATH": path}
    return json.loads(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def test_run_imports_few_modules_and_none_of_a_third_party():
    modules = modules_after("from azureml.core import Run")
    assert len(modules) <= 250
    own = (str(SOURCE), sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))
    assert not [file for file in modules.values() if file and not file.startswith(own)]


def test_package_alone_does_not_import_the_sdk():
    assert not [name for name in modules_after("import azureml.core") if name.startswith("terrazul")]


def test_names_win_over_the_original_packages_in_the_same_interpreter(tmp_path: Path):
    original = tmp_path / "azureml" / "core"
    original.mkdir(parents=True)
    original.joinpath("__init__.py").write_text("raise AssertionError('the original was imported')")
    modules = modules_after("from azureml.core import Experiment", f"{SOURCE}{os.pathsep}{tmp_path}")
    assert modules["azureml.core"] == str(SOURCE / "azureml" / "core" / "__init__.py")
