"""Tags and properties: texts under keys that belong to a row of another table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    bindparam,
    exists,
    select,
)
from sqlalchemy.dialects.sqlite import insert

from terrazul.server.sql.among import among
from terrazul.server.sql.index_choice import indexed, one_of
from terrazul.server.sql.metadata import metadata
from terrazul.server.sql.statement import Statement
from terrazul.server.sql.text_map import text_map


class NamedTexts:
    """The table of one kind of texts; ``owner`` is the table whose rows they belong to."""

    def __init__(self, name: str, owner: str) -> None:
        value = Column("value", Text, nullable=False)
        self.table = Table(
            name,
            metadata,
            Column("workspace", Integer, nullable=False),
            Column(owner, ForeignKey(f"{owner}.id"), primary_key=True),
            Column("key", Text, primary_key=True),
            value,
            Index(f"ix_{name}_search", "workspace", "key", indexed(value)),
            sqlite_with_rowid=False,
        )
        self._owner = self.table.c[owner]
        self._remove = Statement(
            self.table.delete().where(self._owner == bindparam("of_owner"), self.table.c.key == bindparam("of_key"))
        )
        self._of = Statement(
            select(self._owner, text_map(self.table.c.key, self.table.c.value))
            .where(among(self._owner, "of_owners"))
            .group_by(self._owner)
        )
        columns = ("workspace", owner, "key", "value")
        self._add = Statement(self.table.insert(), *columns)
        statement = insert(self.table)
        self._set = Statement(
            statement.on_conflict_do_update(index_elements=[owner, "key"], set_={"value": statement.excluded.value}),
            *columns,
        )

    def set(self, connection: Connection, workspace: int, owner: int, texts: Mapping[str, str]) -> None:
        """Enter texts; one that is there gets the new value."""
        self._set.run(connection, *self._rows(workspace, owner, texts))

    def add(self, connection: Connection, workspace: int, owner: int, texts: Mapping[str, str]) -> None:
        """Enter texts that are not there."""
        self._add.run(connection, *self._rows(workspace, owner, texts))

    def remove(self, connection: Connection, owner: int, keys: Iterable[str]) -> None:
        """Remove texts; one that is not there is no error."""
        self._remove.run(connection, *({"of_owner": owner, "of_key": key} for key in keys))

    def remove_all(self, connection: Connection, owner: int) -> None:
        """Remove all texts of a row."""
        connection.execute(self.table.delete().where(self._owner == owner))

    def of(self, connection: Connection, owners: Iterable[int]) -> dict[int, dict[str, str]]:
        """The texts of rows, by the key of the row; rows without any are left out."""
        return {row[0]: row[1] for row in self._of.all(connection, {"of_owners": list(owners)})}

    def value_of(self, owner: ColumnElement[int], key: str) -> ColumnElement[str]:
        """The text under a key, beside the row of the other table; NULL where there is none."""
        query = select(self.table.c.value).where(self._owner == owner, self.table.c.key == key)
        return query.correlate_except(self.table).scalar_subquery()

    def match(self, owner: Column[int], pairs: Iterable[tuple[str, str | None]]) -> list[ColumnElement[bool]]:
        """The conditions that a row has these texts; ``None`` stands for any value."""
        conditions: list[ColumnElement[bool]] = []
        for key, value in pairs:
            matches = [self._owner == owner, self.table.c.key == key]
            if value is not None:
                matches.append(one_of(self.table.c.value, [value]))
            conditions.append(exists().where(*matches))
        return conditions

    def _rows(self, workspace: int, owner: int, texts: Mapping[str, str]) -> list[dict[str, Any]]:
        return [
            {"workspace": workspace, self._owner.name: owner, "key": key, "value": value}
            for key, value in texts.items()
        ]
