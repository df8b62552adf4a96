"""Databases of Azure SQL Database, by v1's names of their fields."""

from __future__ import annotations

from terrazul.server.datastore.served import AzureKind
from terrazul.server.datastore.sql_server import AZURE_ENDPOINT, open_azure_database

KIND = AzureKind("AzureSqlDatabase", "Azure SQL Database", 1433, AZURE_ENDPOINT, open_azure_database, {})
