"""Environments: packages, variables and settings under a name and a version."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Dict, List, Optional

from terrazul.core.dataclass import dataclass


@dataclass(frozen=True)
class EnvironmentDefinition:
    """What a run asks to be executed in.

    ``conda_dependencies`` is the parsed content of a conda file: ``{"dependencies": ["python=3.11", {"pip": [...]}]}``.
    With ``user_managed`` the interpreter at ``interpreter_path`` is used as it is.
    """

    name: str = "default-environment"
    version: Optional[str] = None
    user_managed: bool = False
    interpreter_path: str = "python"
    conda_dependencies: Optional[Dict[str, Any]] = None
    base_conda_environment: Optional[str] = None
    environment_variables: Dict[str, str] = field(default_factory=dict)
    docker: Dict[str, Any] = field(default_factory=dict)
    """v1's docker section, camelCase keys; kept for images (a later capability), and told of in a notice meanwhile."""
    spark: Dict[str, Any] = field(default_factory=dict)
    databricks: Dict[str, Any] = field(default_factory=dict)
    r: Optional[Dict[str, Any]] = None
    inferencing_stack_version: Optional[str] = None
    strict: bool = False
    """Refuse to run where the Python version asked for cannot be had, instead of taking another."""


@dataclass(frozen=True)
class Environment:
    """A registered definition; the same definition keeps its version, a changed one gets the next."""

    name: str
    version: str
    definition: EnvironmentDefinition
    created_at: str
    created_by: str
    labels: List[str] = field(default_factory=list)
