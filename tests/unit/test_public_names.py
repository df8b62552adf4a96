"""The names of the package: which there are, and what loading them costs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import terrazul
from terrazul.core.errors import TerrazulError
from terrazul.sdk.environment import Environment

SOURCE = Path(__file__).parents[2] / "src"
NAMES = [
    "CondaDependencies", "Dataset", "DockerConfiguration", "Environment", "Experiment", "Model", "MpiConfiguration",
    "PyTorchConfiguration", "Run", "RunConfiguration", "RunDetails", "ScriptRun", "ScriptRunConfig",
    "TensorflowConfiguration", "TerrazulError", "ViewType", "Workspace", "__version__", "get_run",
]  # fmt: skip


def test_public_names_are_these_and_each_can_be_had():
    assert sorted(terrazul.__all__) == dir(terrazul) == NAMES
    for name in NAMES:
        assert getattr(terrazul, name) is not None


def test_name_is_the_thing_itself():
    assert terrazul.Environment is Environment
    assert terrazul.TerrazulError is TerrazulError


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'terrazul' has no attribute 'Wrokspace'"):
        _ = terrazul.Wrokspace


def test_import_of_the_package_loads_nothing_heavy():
    program = "import sys, terrazul, json; print(json.dumps(sorted(sys.modules)))"
    command = [sys.executable, "-S", "-c", program]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    loaded = [name for name in json.loads(done.stdout) if name.startswith("terrazul")]
    assert loaded == ["terrazul", "terrazul.core", "terrazul.core.version"]
