"""The disk with faults, compiled. Each test here has the machine for itself."""

import subprocess
from pathlib import Path

import pytest

from terrazul.testing.needs import needs_program


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is killed again and again, or measured while it is, is not run beside others."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.alone)


@pytest.fixture(scope="session")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library to preload; ``disk.c`` says which variables it reads."""
    compiler = needs_program("cc")
    library = tmp_path_factory.mktemp("disk") / "disk.so"
    source = Path(__file__).parent / "disk.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl", "-lpthread"], check=True)
    return library
