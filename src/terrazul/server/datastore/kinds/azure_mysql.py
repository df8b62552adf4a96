"""Databases of Azure Database for MySQL, by v1's names of their fields."""

from __future__ import annotations

from terrazul.server.datastore.mysql import open_database
from terrazul.server.datastore.served import AzureKind

KIND = AzureKind("AzureMySql", "Azure Database for MySQL", 3306, "mysql.database.azure.com", open_database, {})
