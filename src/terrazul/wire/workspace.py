"""Workspaces."""

from __future__ import annotations

from dataclasses import field
from typing import Dict, Optional

from terrazul.core.dataclass import dataclass


@dataclass(frozen=True)
class Workspace:
    """The top: it owns everything below."""

    workspace_id: str
    subscription_id: str
    resource_group: str
    name: str
    location: str
    friendly_name: str
    description: str
    tags: Dict[str, str]
    created_at: str
    created_by: str


@dataclass(frozen=True)
class NewWorkspace:
    """What a caller says to make a workspace; names are compared without case."""

    subscription_id: str
    resource_group: str
    name: str
    location: str = "local"
    friendly_name: str = ""
    description: str = ""
    tags: Dict[str, str] = field(default_factory=dict)
    exist_ok: bool = False


@dataclass(frozen=True)
class WorkspaceScope:
    """A workspace as v1's ``config.json`` names it."""

    subscription_id: str
    resource_group: str
    name: str


@dataclass(frozen=True)
class WorkspaceChange:
    """What is to be different; ``None`` leaves a field as it is."""

    friendly_name: Optional[str] = None
    description: Optional[str] = None
    tags: Optional[Dict[str, str]] = None


@dataclass(frozen=True)
class Member:
    """A user or a group with its role in a workspace, or on a folder of experiments there."""

    role: str
    user: Optional[str] = None
    group: Optional[str] = None
    created_at: str = ""
    created_by: str = ""
    folder: str = ""
    """As the names of experiments write it: ``team/a``. Empty for the whole workspace."""
