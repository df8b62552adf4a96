"""Datasets: versioned references to data. They copy nothing."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Dict, List, Optional

from terrazul.core.dataclass import dataclass
from terrazul.wire.datastore import DataFile

TABULAR, FILE = "Tabular", "File"
ACTIVE, DEPRECATED, ARCHIVED = "active", "deprecated", "archived"


@dataclass(frozen=True)
class DataLocation:
    """Files of a datastore by a path with ``*`` and ``**``; without a datastore, a web address."""

    path: str
    datastore: str = ""


@dataclass(frozen=True)
class Step:
    """One operation of a plan with its arguments, as plain data; ``terrazul.data.plan`` knows them all."""

    operation: str
    arguments: Dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DatasetDefinition:
    """What a dataset is: where its data lies, and what is done with it, the first step being how it is read.

    It never changes; a method of a dataset makes another definition with one more step.
    """

    type: str
    """``Tabular`` or ``File``."""
    locations: List[DataLocation]
    steps: List[Step] = field(default_factory=list)


@dataclass(frozen=True)
class ContentSummary:
    """The files behind a dataset, as they were seen at one time."""

    file_count: int
    size: int
    """In bytes, all files together."""
    digest: str
    """The SHA-256 over the list of files (path, size, etag, time of change): with changed data it is another one."""
    seen_at: str
    data_changed_at: str
    """When the youngest of the files was changed; empty where the stores do not say."""


@dataclass(frozen=True)
class NewDataset:
    """A dataset that is saved, and registered where it has a name.

    A definition that the workspace knows keeps its id. ``files`` are those behind web addresses, which the caller has
    looked at; what lies on datastores the server lists itself.
    """

    definition: DatasetDefinition
    name: str = ""
    description: str = ""
    tags: Dict[str, str] = field(default_factory=dict)
    create_new_version: bool = False
    """Without it, a name that stands for another definition is refused."""
    files: List[DataFile] = field(default_factory=list)
    skip_validation: bool = False
    """Register it without having looked at its data."""


@dataclass(frozen=True)
class Dataset:
    """A saved dataset; ``name`` and ``version`` where it is registered."""

    id: str
    definition: DatasetDefinition
    created_at: str
    created_by: str
    name: str = ""
    version: int = 0
    """Counts from 1 under a name, and is never given twice; another definition, or other content, is another one."""
    latest_version: int = 0
    description: str = ""
    tags: Dict[str, str] = field(default_factory=dict)
    state: str = ACTIVE
    deprecated_by: str = ""
    """The id of the dataset that takes the place of a deprecated one."""
    modified_at: str = ""
    content: Optional[ContentSummary] = None
    """None where nobody has looked."""


@dataclass(frozen=True)
class DatasetPage:
    """A page of registered datasets, the newest version of each name."""

    datasets: List[Dataset]
    next_page: Optional[str] = None


@dataclass(frozen=True)
class DatasetChange:
    """A change of what describes a version; ``None`` leaves a field as it is."""

    description: Optional[str] = None
    replace_tags: Optional[Dict[str, str]] = None
    set_tags: Dict[str, str] = field(default_factory=dict)
    remove_tags: List[str] = field(default_factory=list)
    state: Optional[str] = None
    deprecated_by: Optional[str] = None


@dataclass(frozen=True)
class ContentComparison:
    """What has become of the files behind a version since it was registered."""

    is_unchanged: bool
    added: int
    removed: int
    changed: int
    examples: List[str] = field(default_factory=list)
    """Up to twenty of them, each with a word before it: ``changed data/a.csv``."""
    now: Optional[ContentSummary] = None


@dataclass(frozen=True)
class ContentFile:
    """A file behind a dataset, as it was when its version was registered."""

    path: str
    """On its datastore, or the web address."""
    size: int
    datastore: str = ""
    modified_at: str = ""
    etag: str = ""


@dataclass(frozen=True)
class ContentFilePage:
    """A page of the files behind a version, by datastore and path."""

    files: List[ContentFile]
    next_page: Optional[str] = None
