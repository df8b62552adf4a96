"""Databases of PostgreSQL."""

from __future__ import annotations

from terrazul.server.datastore.postgresql import TLS_MODES, open_database
from terrazul.server.datastore.served import ServedKind

KIND = ServedKind(
    "PostgreSql",
    "A database of PostgreSQL, or of a server that speaks its protocol.",
    5432,
    TLS_MODES,
    open_database,
)
