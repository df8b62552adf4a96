"""The server about itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ServerInfo:
    """Who answers, and to whom."""

    version: str
    embedded: bool
    """True where one person's laptop is the whole installation: unknown workspaces are made when they are named."""
    user: str
    """The principal that the caller's token stands for."""


@dataclass(frozen=True)
class ServerFile:
    """What ``server.json`` in the home directory says while the server runs."""

    url: str
    pid: int
    version: str
