"""Datastores: where data lies, how it is reached. Credentials travel towards the server only, in ``NewDatastore``."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Dict, List, Optional

from terrazul.core.dataclass import dataclass


@dataclass(frozen=True)
class NewDatastore:
    """A datastore as it is registered. What ``settings`` and ``credential`` hold is the kind's to say."""

    name: str
    kind: str
    """v1's name where it has one (``AzureBlob``), else ours (``AmazonS3``)."""
    settings: Dict[str, Any] = field(default_factory=dict)
    credential: Optional[Dict[str, str]] = field(default=None, repr=False)
    overwrite: bool = False
    """Replace the datastore of that name, credential included."""
    create_if_not_exists: bool = False
    """Make the container, share or folder where it is not there."""
    skip_validation: bool = False
    """Register it without having reached it."""


@dataclass(frozen=True)
class Datastore:
    """A datastore without its credential."""

    name: str
    kind: str
    settings: Dict[str, Any]
    credential_type: str
    """In a word what it is reached with, such as ``AccountKey``; ``None`` where it needs nothing."""
    is_default: bool
    is_built_in: bool
    """True for the ones that come with the workspace, which cannot be unregistered."""
    created_at: str
    created_by: str
    modified_at: str


@dataclass(frozen=True)
class DatastoreKind:
    """What can be registered: the fields of its settings and of its credential, each with a sentence."""

    name: str
    description: str
    settings: Dict[str, str]
    credential: Dict[str, str]
    holds_files: bool
    """False for databases, which hold tables."""


@dataclass(frozen=True)
class ConnectionStep:
    """One step towards a datastore: its name (``resolve``, ``connect``, ``sign in``, ``list``, …) and how it went."""

    name: str
    is_done: bool
    message: str = ""
    """Why it failed, and what to do next."""


@dataclass(frozen=True)
class ConnectionTest:
    """How far one gets; the steps after one that failed are not tried and not told."""

    is_reached: bool
    steps: List[ConnectionStep]


@dataclass(frozen=True)
class DataFile:
    """A file of a datastore, as a listing tells of it."""

    path: str
    """Relative to the datastore, ``/`` between its parts."""
    size: int
    modified_at: str = ""
    etag: str = ""
    """What the store says of its content: another text means another content. Empty where it says nothing."""


@dataclass(frozen=True)
class FolderPage:
    """What lies in one folder, or a page of it: names of folders, and files."""

    folders: List[str]
    files: List[DataFile]
    next_page: Optional[str] = None


@dataclass(frozen=True)
class FilePage:
    """A page of the files that a pattern means, by path."""

    files: List[DataFile]
    next_page: Optional[str] = None


@dataclass(frozen=True)
class AccessRequest:
    """Files whose bytes the caller is about to read, or to write."""

    paths: List[str]
    is_writing: bool = False


@dataclass(frozen=True)
class FileAccess:
    """The short way to the bytes of one file: never the stored credential.

    With ``url`` they are read (GET, with ranges) or written (PUT) there until ``expires_at``, with ``headers``. With
    ``local_path`` they are that file of this machine, if the file there has this ``inode``, ``size`` and
    ``modified_ns``. With neither they go through the server: ``W/datastores/{name}/file``.
    """

    path: str
    url: str = field(default="", repr=False)
    headers: Dict[str, str] = field(default_factory=dict, repr=False)
    expires_at: str = ""
    local_path: str = ""
    size: int = 0
    modified_ns: int = 0
    inode: int = 0


@dataclass(frozen=True)
class Query:
    """An SQL query of a datastore that holds tables."""

    text: str
    timeout_seconds: int = 30
