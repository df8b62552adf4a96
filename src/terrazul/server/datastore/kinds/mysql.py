"""Databases of MySQL and MariaDB."""

from __future__ import annotations

from terrazul.server.datastore.mysql import TLS_MODES, open_database
from terrazul.server.datastore.served import ServedKind

KIND = ServedKind("MySql", "A database of MySQL or MariaDB.", 3306, TLS_MODES, open_database)
