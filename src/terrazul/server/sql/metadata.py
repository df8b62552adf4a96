"""The tables' common ground. Each concept defines its own tables in its ``store`` on this ``metadata``."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import CursorResult, Dialect, MetaData, Text
from sqlalchemy.types import TypeDecorator

from terrazul.core.errors import TerrazulError

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)


def primary_key(result: CursorResult[Any]) -> int:
    """The key that the database gave to an inserted row."""
    key = result.inserted_primary_key
    if key is None:
        raise TerrazulError("The database gave no key to a new row.")
    return int(key[0])


class Json(TypeDecorator[Any]):
    """A value kept as JSON text, the same on every database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002  # SQLAlchemy's signature
        """To the database."""
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002  # as above
        """From the database."""
        return None if value is None else msgspec.json.decode(value)
