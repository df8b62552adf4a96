"""From a definition to a plan: which interpreter, and what to build if anything. Nothing is started or fetched here."""

from __future__ import annotations

import hashlib
import json
from dataclasses import field

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import UserErrorException
from terrazul.node.environment import interpreter
from terrazul.node.environment.interpreter import Interpreter
from terrazul.wire.environment import EnvironmentDefinition

_LAYOUT = 1
"""Counted up when environments are built differently, so that older ones are not taken for new ones."""


@dataclass(frozen=True)
class Recipe:
    """The content of an environment to be built; equal recipes are one environment."""

    name: str
    python: Interpreter
    packages: list[str]
    options: list[str]

    @property
    def key(self) -> str:
        """The name of its folder."""
        content = [_LAYOUT, self.python.path, self.python.version_text, sorted(self.packages), self.options]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


@dataclass
class Plan:
    """What a run is executed with."""

    python: Interpreter
    """The interpreter of the script, or the one that its environment is built from."""
    recipe: Recipe | None = None
    """``None`` where the interpreter is used as it is."""
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)


def resolve(definition: EnvironmentDefinition, *, serving: bool = False) -> Plan:
    """The plan of a definition; ``serving`` adds what v1's packages brought for entry scripts.

    Raises ``UserErrorException`` for one that cannot be had on this compute.
    """
    plan = _user_managed(definition) if definition.user_managed else _built(definition, serving=serving)
    if definition.docker.get("enabled") or definition.docker.get("useDocker"):
        plan.notes.append("docker is not used on this compute: the script runs as a process, not in an image")
    if definition.base_conda_environment:
        plan.notes.append(f"the conda environment {definition.base_conda_environment!r} is not used as a base")
    return plan


def _user_managed(definition: EnvironmentDefinition) -> Plan:
    python = interpreter.named(definition.interpreter_path)
    return Plan(python, notes=[f"the interpreter {python.path} is used as it is"])


def _built(definition: EnvironmentDefinition, *, serving: bool) -> Plan:
    from terrazul.core.requirement import conda, pip  # noqa: PLC0415  # patterns that most starts never use

    file = conda.read(definition.conda_dependencies or {})
    listed = pip.read(file.pip_lines, serving=serving)
    packages = sorted({*file.packages, *listed.packages})
    python = _python_for(file.python, packages)
    recipe = Recipe(definition.name, python, packages, listed.options)
    plan = Plan(python, recipe, notes=file.notes + listed.notes)
    if file.python and file.python != python.version:
        _tell_of_other_python(plan, definition, file.python_text, python)
    return plan


def _python_for(wanted: tuple[int, int] | None, packages: list[str]) -> Interpreter:
    """The interpreter that is asked for, or what comes in its place where this compute does not have it.

    Packages that are pinned have wheels for the Pythons of their time, so the nearest one is taken for them. Without
    pins the newest packages are meant, which our own Python gets, as does whoever writes the models that are loaded.
    """
    ours = interpreter.installed()[0]
    if wanted is None:
        return ours
    nearest = interpreter.nearest(wanted)
    return nearest if nearest.version == wanted or any("==" in package for package in packages) else ours


def _tell_of_other_python(plan: Plan, definition: EnvironmentDefinition, wanted: str, python: Interpreter) -> None:
    installed = sorted(interpreter.installed(), key=lambda each: each.version)
    found = ", ".join(each.version_text for each in installed)
    if definition.strict:
        raise UserErrorException(
            f"The environment {definition.name!r} asks for Python {wanted}, which this compute does not have.",
            target=definition.name,
            hint=f"Install it, or ask for one of {found}, or allow the nearest one (strict=False).",
        )
    plan.warnings.append(f"Python {wanted} was asked for; this compute has {found}, so {python.version_text} is used.")
    plan.notes += [f"*** {warning} ***" for warning in plan.warnings]
    plan.properties = {"terrazul.python.requested": wanted, "terrazul.python.used": python.version_text}
