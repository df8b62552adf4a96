"""Users, groups, roles, tokens, and with whom a workspace is shared."""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from typing import Dict, List, Optional

from terrazul.core.dataclass import dataclass


class UserKind(str, Enum):
    """What signs in."""

    USER = "user"
    SERVICE_PRINCIPAL = "service_principal"
    """A program; it has tokens, and no password."""


@dataclass(frozen=True)
class User:
    """Somebody who can sign in."""

    name: str
    kind: UserKind
    display_name: str
    is_admin: bool
    """May do everything in every workspace, and manages users."""
    is_active: bool
    """What is not active signs in no more; its tokens open nothing."""
    created_at: str
    created_by: str
    groups: List[str]
    is_linked: bool = False
    """Whether the provider of single sign-on knows it: by whom nobody else signs in as this user."""


@dataclass(frozen=True)
class NewUser:
    """A user that is to be made; names are compared without case."""

    name: str
    kind: UserKind = UserKind.USER
    display_name: str = ""
    is_admin: bool = False


@dataclass(frozen=True)
class UserChange:
    """What is to be different; ``None`` leaves a field as it is."""

    display_name: Optional[str] = None
    is_admin: Optional[bool] = None
    is_active: Optional[bool] = None
    subject: Optional[str] = None
    """What the provider of single sign-on calls whoever is this user; empty for nobody."""


@dataclass(frozen=True)
class Me:
    """Whom the caller's token stands for, and what it may do."""

    name: str
    is_admin: bool
    roles: Dict[str, List[str]]
    """The names of its roles, by the id of the workspace."""
    run_id: Optional[str] = None
    """For the token of a run: which."""
    workspace_id: Optional[str] = None
    """The only workspace that the token opens, where there is one."""
    actions: Optional[List[str]] = None
    """The only actions that the token is for, where it is restricted."""
    folders: Dict[str, Dict[str, List[str]]] = field(default_factory=dict)
    """The names of its roles on folders of experiments, by the id of the workspace and the folder."""


@dataclass(frozen=True)
class Token:
    """What is known of a token; the token itself is shown once, when it is made."""

    token_id: str
    user: str
    label: str
    created_at: str
    expires_at: Optional[str]
    workspace_id: Optional[str]
    actions: Optional[List[str]]


@dataclass(frozen=True)
class NewToken:
    """A token that is to be made."""

    label: str = ""
    """What it is for, as its owner will recognise it."""
    user: str = ""
    """For whom, where it is not for the caller; administrators only."""
    days: Optional[int] = 90
    """Until it expires; None for never."""
    workspace_id: Optional[str] = None
    """The only workspace that it opens."""
    actions: Optional[List[str]] = None
    """The only actions that it is for, as in a role."""


@dataclass(frozen=True)
class MadeToken:
    """A new token, in full this once."""

    token: str
    about: Token


@dataclass(frozen=True)
class Group:
    """Users under one name."""

    name: str
    members: List[str]
    created_at: str
    created_by: str
    follows_sign_in: bool = False
    """Whether its members are those whom the provider of single sign-on names it for when they sign in."""


@dataclass(frozen=True)
class NewGroup:
    """A group that is to be made."""

    name: str
    members: List[str] = field(default_factory=list)
    follows_sign_in: bool = False


@dataclass(frozen=True)
class GroupChange:
    """Who is to come and to go."""

    add: List[str] = field(default_factory=list)
    remove: List[str] = field(default_factory=list)


@dataclass(frozen=True)
class Role:
    """What somebody may do in a workspace, as a list of actions."""

    name: str
    description: str
    actions: List[str]
    built_in: bool


@dataclass(frozen=True)
class NewRole:
    """A role that is to be made, or to take the place of the one of its name."""

    name: str
    actions: List[str]
    """Names of actions; ``*`` stands for one part between slashes, and at the end for all that follow."""
    description: str = ""
