"""What a kind of database does for ``Database``. One implementation a file in ``kinds/``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from terrazul.core.errors import TerrazulError

Thing = int | str | tuple[int | str, ...]
"""What processes tell each other to have changed: the key of a run, a word, or a kind and what names one of it."""


class Link(Protocol):
    """One process among those that share a database. Whatever it does raises ``Unavailable`` once it is cut."""

    async def lead(self) -> bool:
        """Whether this process leads. At most one does, until its link is cut."""

    async def hear(self, seconds: float) -> list[Thing]:
        """What other processes have changed, as soon as there is any; nothing when the time is over."""


class DatabaseKind(Protocol):
    """Makes connections to one database, and knows its ways."""

    @property
    def address(self) -> str:
        """The database as people are told of it: a path, or an address without a password."""

    @property
    def readers(self) -> int:
        """How many threads read at the same time."""

    def engine(self) -> Engine:
        """An engine whose commits are on disk when they return. Its connections begin transactions explicitly."""

    def writing(self, engine: Engine) -> Connection:
        """A connection for the writer."""

    def reading(self, engine: Engine) -> Connection:
        """A connection that only reads; all reads of a transaction see one state."""

    def take_turn(self, connection: Connection) -> None:
        """Wait until no other process writes; the turn lasts to the end of the transaction that has begun."""

    def tell(self, connection: Connection, things: Sequence[Thing]) -> None:
        """Let the other processes hear of changes, once the transaction is on disk."""

    def check_unused(self) -> None:
        """Raise ``Conflict`` where another server uses the database: the bytes that it speaks of are elsewhere."""

    def link(self) -> AbstractAsyncContextManager[Link] | None:
        """Join the processes that share the database; None where there is only one."""

    def explain(self, error: DBAPIError) -> TerrazulError | DBAPIError:
        """The error as a person can act on it; the same one where there is nothing to say."""

    def revision(self) -> str | None:
        """The revision of the schema; None for a database that has none yet. Raises where it cannot be reached."""

    def changing_schema(self) -> AbstractContextManager[Connection]:
        """A transaction that may change the schema, while nobody else does; committed at its end, or undone."""

    def overwrite_removed(self, connection: Connection) -> None:
        """Have the bytes of what is removed from now on overwritten, where the database can."""

    def clear_log(self) -> None:
        """Leave nothing of what was removed in a log beside the database, where there is one."""

    def size(self, connection: Connection) -> int:
        """The bytes that the database takes on its disk."""
