"""Databases of SQL Server."""

from __future__ import annotations

from terrazul.server.datastore.served import ServedKind
from terrazul.server.datastore.sql_server import TLS_MODES, open_database

KIND = ServedKind("SqlServer", "A database of Microsoft SQL Server.", 1433, TLS_MODES, open_database)
