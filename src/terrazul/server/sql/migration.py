"""Bringing a database to the schema of this version.

A new database gets the newest schema at once; a test holds that to what the migrations lead to. An older one is taken
up step by step, all in one transaction: it is whole afterwards, or as it was.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

from terrazul.core.errors import TerrazulError
from terrazul.server.sql.kind import DatabaseKind
from terrazul.server.sql.metadata import metadata

HEAD = "0018"
SCRIPTS = Path(__file__).parent / "migrations"

_version = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))


def migrate(kind: DatabaseKind) -> None:
    """Make or upgrade a database.

    Raises ``TerrazulError`` where a newer version of Terrazul wrote it, ``Unavailable`` where it cannot be reached.
    """
    if kind.revision() == HEAD:
        return
    with kind.changing_schema() as connection:
        found = _revision_of(connection)  # another process may have been first
        if found is None:
            metadata.create_all(connection)
            _version.create(connection, checkfirst=True)
            connection.execute(_version.insert().values(version_num=HEAD))
        elif found != HEAD:
            _upgrade(connection, kind.address, found)


def _revision_of(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_version.name):
        return None
    return connection.execute(select(_version.c.version_num)).scalar()


def _upgrade(connection: Connection, address: str, found: str) -> None:
    # Alembic costs most of a second to import, and is needed at upgrades alone.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(SCRIPTS))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found not in known:
        raise TerrazulError(
            f"The database {address} has the schema {found}, which this version of Terrazul does not know.",
            target=address,
            hint="It was written by a newer version: start that one.",
        )
    command.upgrade(config, HEAD)
