"""Databases of Azure Database for PostgreSQL, by v1's names of their fields."""

from __future__ import annotations

from terrazul.server.datastore.kind import Field
from terrazul.server.datastore.postgresql import open_database
from terrazul.server.datastore.served import AzureKind

KIND = AzureKind(
    "AzurePostgreSql",
    "Azure Database for PostgreSQL",
    5432,
    "postgres.database.azure.com",
    open_database,
    {"enforce_ssl": Field("Whether to speak TLS only. Default: true.", bool)},
)
