"""The environment that a model in MLflow's format brings along, from the files beside its ``MLmodel``."""

from __future__ import annotations

from typing import Callable, Iterable, List, Set

from terrazul.core.errors import WebserviceException
from terrazul.core.requirement import conda, pip
from terrazul.sdk import yaml_text
from terrazul.sdk.conda_dependencies import CondaDependencies

CONDA, PYTHON, REQUIREMENTS = "conda.yaml", "python_env.yaml", "requirements.txt"
_LOADERS = {"mlflow", "mlflow-skinny"}
_LOADER = "mlflow"


def packages_of(model_id: str, names: Iterable[str], read: Callable[[str], str]) -> CondaDependencies:
    """The packages that a model names, with the MLflow that loads it; ``read`` gives the text of a file.

    The conda file is asked first, as MLflow does; else the requirements, with the Python that ``python_env.yaml`` has.
    Raises ``WebserviceException`` where neither is there.
    """
    there = set(names)
    if CONDA in there:
        found = CondaDependencies(_underlying_structure=yaml_text.load(read(CONDA), CONDA))
    elif REQUIREMENTS in there or PYTHON in there:
        found = CondaDependencies.create(pip_packages=[])
        _take_python(found, read(PYTHON) if PYTHON in there else "")
        if REQUIREMENTS in there:
            found.set_pip_requirements(_lines(read(REQUIREMENTS)))
    else:
        message = f"The model {model_id} has none of {CONDA}, {REQUIREMENTS} and {PYTHON}: its packages are not known."
        raise WebserviceException(message, target=model_id, hint="Pass an InferenceConfig with an environment.")
    if not _LOADERS & _distributions(found):
        found.add_pip_package(_LOADER)
    return found


def _take_python(packages: CondaDependencies, text: str) -> None:
    """The Python and the packages of a ``python_env.yaml``."""
    content = yaml_text.load(text, PYTHON) if text else None
    if not isinstance(content, dict):
        return
    version = content.get("python")
    if isinstance(version, str):
        packages.set_python_version(version)
    named = content.get("dependencies")
    lines = [line for line in named if isinstance(line, str)] if isinstance(named, list) else []
    packages.set_pip_requirements([line for line in lines if not line.startswith("-")])


def _lines(text: str) -> List[str]:
    lines = (line.split(" #")[0].strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _distributions(packages: CondaDependencies) -> Set[str]:
    """The names of everything that is installed."""
    lines = [*packages.pip_packages, *conda.read(packages.as_dict()).packages]
    return {pip.normalised(name) for name in map(_name_of, lines)}


def _name_of(line: str) -> str:
    name = line.strip()
    for sign in "[=<>~!;@ ":
        name = name.partition(sign)[0]
    return name
