"""The server about itself."""

from __future__ import annotations

from typing import Dict

from terrazul.core.dataclass import dataclass

CA_VARIABLE = "TERRAZUL_CA_FILE"
"""Names the file with the certificates that a client trusts servers by."""


@dataclass(frozen=True)
class ServerInfo:
    """Who answers, and to whom."""

    version: str
    embedded: bool
    """True where one person's laptop is the whole installation: unknown workspaces are made when they are named."""
    user: str
    """The principal that the caller's token stands for."""
    snapshot_limit: int = 0
    """Largest snapshot in bytes, 0 for no limit: what is larger is refused before anything is sent."""


@dataclass(frozen=True)
class ServerStatus:
    """What the server holds and does at this moment."""

    version: str
    pid: int
    home: str
    started_at: str
    workspaces: int
    runs: Dict[str, int]
    """The number of runs in each state that any is in."""
    queued: int
    """Submitted runs that wait for their turn."""
    executing: int
    """Submitted runs that have been handed to a compute and have not ended."""
    services: Dict[str, int]
    """The number of web services in each state that any is in."""
    content_bytes: int
    """Bytes of snapshots, artifacts and logs that have been received."""
    database_bytes: int
    free_bytes: int
    """What the disk of the home directory has left."""
    database: str = ""
    """Where the database is: a file, or the address of a server without user and password."""
    processes: int = 1
    """How many processes answer side by side."""
    vault_problem: str = ""
    """Why the key vault is closed; empty where it is open."""


@dataclass(frozen=True)
class LoginFile:
    """What ``login.json`` in the home directory of a user says after ``terrazul login``."""

    url: str
    user: str
    token: str
    token_id: str = ""
    """The public id of a token that was made for this; empty for one that the user brought."""
    ca_file: str = ""
    """The certificates that the server is trusted by, where they are not those of the system."""


@dataclass(frozen=True)
class ServerFile:
    """What ``server.json`` in the home directory says while the server runs."""

    url: str
    pid: int
    version: str
    ca_file: str = ""
    """The certificates that clients on this machine trust it by, where they are not those of the system."""
