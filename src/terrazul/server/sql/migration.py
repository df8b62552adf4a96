"""Bringing a database to the schema of this version.

A new database gets the newest schema at once; a test holds that to what the migrations lead to. An older one is taken
up step by step, all in one transaction: it is whole afterwards, or as it was.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import Column, MetaData, String, Table, create_engine, event
from sqlalchemy.pool import NullPool

from terrazul.core.errors import TerrazulError
from terrazul.server.sql.metadata import metadata

HEAD = "0004"
SCRIPTS = Path(__file__).parent / "migrations"

_version = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))


def migrate(path: Path) -> None:
    """Make or upgrade the database file. Raises ``TerrazulError`` where a newer version of Terrazul wrote it."""
    found = _revision_of(path)
    if found is None:
        _create(path)
    elif found != HEAD:
        _upgrade(path, found)


def _revision_of(path: Path) -> str | None:
    if not path.exists():
        return None
    connection = sqlite3.connect(path)
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError:
        return None
    finally:
        connection.close()
    return str(row[0]) if row else None


def _create(path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        metadata.create_all(connection, checkfirst=True)
        _version.create(connection, checkfirst=True)
        connection.execute(_version.insert().values(version_num=HEAD))
        connection.exec_driver_sql("COMMIT")


def _upgrade(path: Path, found: str) -> None:
    # Alembic costs most of a second to import, and is needed at upgrades alone.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.set_main_option("sqlalchemy.url", f"sqlite:///{path}")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found not in known:
        raise TerrazulError(
            f"The database {path} has the schema {found}, which this version of Terrazul does not know.",
            target=str(path),
            hint="It was written by a newer version: start that one.",
        )
    command.upgrade(config, HEAD)
