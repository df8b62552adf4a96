"""What a kind of datastore does. All kinds that hold files pass ``terrazul.testing.datastore``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from terrazul.core.errors import InvalidInput
from terrazul.server.network.outgoing import Outgoing
from terrazul.wire.datastore import DataFile, FileAccess, FolderPage

Value = str | int | bool
Settings = Mapping[str, Value]
Credential = Mapping[str, str]
NO_CREDENTIAL = "None"


class Field(NamedTuple):
    """A field of a kind's settings or of its credential."""

    about: str
    """A sentence for people."""
    type: type[str] | type[int] | type[bool] = str
    is_required: bool = False
    has_lines: bool = False


class Surroundings(NamedTuple):
    """What a datastore finds around it on this server."""

    home: Path
    roots: Sequence[Path] | None
    """Folders below which local ones lie; None where they may lie anywhere."""
    outgoing: Outgoing
    """Says whom the server may call."""
    proxy: str
    """The proxy for a library that makes connections of its own; it connects to addresses that were checked."""


class Step(NamedTuple):
    """What is tried next on the way to a datastore, and how it went; ``problem`` is empty where it went well."""

    name: str
    problem: str = ""


class Part(NamedTuple):
    """A file whose bytes, or a part of them, are about to be read."""

    file: DataFile
    start: int
    size: int
    """Of the part."""
    chunks: AsyncIterator[bytes]


class NoLists(InvalidInput):
    """A store that tells no lists of its files."""


class Files(Protocol):
    """An open datastore that holds files. Paths are relative and were checked; none is a way out in itself.

    Every method raises ``DatastoreUnreachable`` where the store does not answer, ``DatastoreRefused`` where it refuses
    the credential, and none of them tells a credential.
    """

    def steps(self, *, create: bool) -> AsyncIterator[Step]:
        """Go towards the store and try each step; the first that fails is the last.

        ``create`` makes what is missing.
        """

    async def find(self, path: str) -> DataFile | None:
        """The file of a path."""

    async def browse(self, folder: str, after: str, limit: int) -> FolderPage:
        """What lies in one folder, names beyond ``after``, in their order; empty for a folder that is not there.

        ``next_page`` is the last name where there are more.
        """

    def walk(self, folder: str, after: str) -> AsyncIterator[Sequence[DataFile]]:
        """All files below a folder (or the file of that path) whose paths come after one, by path.

        Raises ``NoLists`` where the store has none and no file has that path.
        """

    async def read(self, path: str, start: int | None, end: int | None) -> Part | None:
        """A file from a byte to another (exclusive): from the end where ``start`` is negative. None without a file.

        Raises ``InvalidInput`` for a part that lies outside of the file.
        """

    async def write(self, path: str, chunks: AsyncIterator[bytes], *, overwrite: bool) -> DataFile:
        """Write a file as a whole or, where ``chunks`` raise, not at all.

        Raises ``AlreadyExists`` where it is there and ``overwrite`` does not say that it may go.
        """

    async def delete(self, path: str) -> bool:
        """Remove a file; false where there was none."""

    async def access(self, paths: Sequence[str], *, is_writing: bool, is_near: bool) -> list[FileAccess]:
        """The short way to each file. ``is_near`` where the caller is on this machine."""


class Tables(Protocol):
    """An open datastore that holds tables. Errors as those of ``Files``."""

    def steps(self, *, create: bool) -> AsyncIterator[Step]:
        """As that of ``Files``; databases are not made."""

    def query(self, text: str, seconds: int) -> AsyncIterator[bytes]:
        """What a query gives, as an Arrow stream; nothing is changed by it where the database knows such a promise.

        Raises ``InvalidInput`` for a query that the database refuses, or that takes longer.
        """


class Kind(Protocol):
    """A kind of datastore: the object ``KIND`` of a module of ``kinds``. It keeps no state."""

    name: str
    description: str
    settings: Mapping[str, Field]
    credential: Mapping[str, Field]
    holds_files: bool

    def check(self, settings: Settings, credential: Credential) -> str:
        """The credential in a word, such as ``AccountKey``; names and types of the fields were checked.

        Raises ``InvalidInput`` for what does not go together.
        """

    def open(self, settings: Settings, credential: Credential, surroundings: Surroundings) -> Files | Tables:
        """A datastore. Nothing is called yet. Raises ``InvalidInput`` for a place that it may not be."""
