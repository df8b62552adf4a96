"""Snapshots: the files of a source directory, by content."""

from __future__ import annotations

import hashlib
from dataclasses import field
from typing import Dict, List, Optional

from terrazul.core.dataclass import dataclass


@dataclass(frozen=True)
class SnapshotFile:
    """One file. ``mode`` keeps the executable bit: 0o755 or 0o644."""

    path: str
    digest: str
    size: int
    mode: int = 0o644


@dataclass(frozen=True)
class SnapshotManifest:
    """All files of a snapshot, sorted by path; the id is that of the content, so equal trees are one snapshot."""

    files: List[SnapshotFile]
    excluded: List[str] = field(default_factory=list)
    """What the ignore rules left out: the folder or file at which each exclusion began, with its size, for people."""


@dataclass(frozen=True)
class Snapshot:
    """A snapshot as the server holds it."""

    snapshot_id: str
    file_count: int
    size: int
    created_at: str
    manifest: Optional[SnapshotManifest] = None


@dataclass(frozen=True)
class SnapshotDelta:
    """A snapshot told as the difference to one that the server holds, so that a resubmit costs what changed."""

    base_snapshot_id: str
    snapshot_id: str
    """The id the result must have; another one is refused."""
    changed: List[SnapshotFile]
    removed: List[str]
    excluded: List[str] = field(default_factory=list)


@dataclass(frozen=True)
class ContentParts:
    """A content that was sent in parts: the digests of these, in order, and that of the whole."""

    digest: str
    parts: List[str]


@dataclass(frozen=True)
class PartSize:
    """A part that a client has, which may be a whole content."""

    digest: str
    size: int


@dataclass(frozen=True)
class PartSizes:
    """Parts that a client would put into the server's storage by itself."""

    parts: List[PartSize]


@dataclass(frozen=True)
class PartAddress:
    """Where a part may be put within some minutes, by a PUT with these headers and without a token."""

    digest: str
    url: str
    """Empty for a part that is there already."""
    headers: Dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PartAddresses:
    """The parts that the storage takes from the client; those that are missing here go to the server."""

    parts: List[PartAddress]


@dataclass(frozen=True)
class Digests:
    """A list of contents."""

    digests: List[str]


def manifest_digest(files: List[SnapshotFile]) -> str:
    """SHA-256 over path, mode and content of all files, sorted by path."""
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda each: each.path):
        digest.update(f"{file.path}\0{file.mode:o}\0{file.digest}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
