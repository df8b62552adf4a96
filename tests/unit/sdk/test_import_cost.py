"""What importing costs: counted in modules, which is the same on every machine."""

import subprocess
import sys
from pathlib import Path
from typing import Set

import pytest

import terrazul

SOURCE = str(Path(terrazul.__file__).parents[1])
LIMIT = 200


def modules_after(statement: str) -> Set[str]:
    program = f"import sys; sys.path.insert(0, {SOURCE!r}); {statement}; print(*sys.modules)"
    command = [sys.executable, "-I", "-S", "-c", program]
    return set(subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout.split())


def test_package_loads_nothing_but_itself():
    loaded = {name for name in modules_after("import terrazul") if name.startswith("terrazul")}
    assert loaded <= {"terrazul", "terrazul.core", "terrazul.core.version"}


@pytest.mark.parametrize("statement", ["from terrazul.sdk.run import Run", "from terrazul import Run"])
def test_run_loads_little(statement: str):
    loaded = modules_after(statement)
    assert len(loaded) <= LIMIT
    assert not {name for name in loaded if name.startswith(("numpy", "yaml", "requests", "terrazul.sdk.yaml_text"))}


def test_every_public_name_is_there():
    for name in terrazul.__all__:
        assert getattr(terrazul, name) is not None
    assert set(terrazul.__all__) <= set(dir(terrazul))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        terrazul.nothing  # noqa: B018  # looking is the test
