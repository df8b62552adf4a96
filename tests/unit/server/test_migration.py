"""The schema of a new database is the one to which the migrations lead."""

import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from terrazul.core.errors import TerrazulError
from terrazul.server import services  # noqa: F401  # defines all tables
from terrazul.server.sql.kinds.sqlite import SqliteDatabase
from terrazul.server.sql.metadata import metadata
from terrazul.server.sql.migration import HEAD, SCRIPTS, migrate


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    return config


def _migrated(path: Path, revision: str) -> None:
    config = _config()
    with SqliteDatabase(path).changing_schema() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def test_head_is_the_newest_migration():
    assert ScriptDirectory.from_config(_config()).get_current_head() == HEAD


def test_migrations_lead_to_the_tables_of_the_code(tmp_path: Path):
    path = tmp_path / "migrated.db"
    _migrated(path, "head")
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_new_database_equals_a_migrated_one(tmp_path: Path):
    migrate(SqliteDatabase(tmp_path / "new.db"))
    _migrated(tmp_path / "migrated.db", "head")
    assert _schema(tmp_path / "new.db") == _schema(tmp_path / "migrated.db")


def test_database_of_a_newer_version_is_refused(tmp_path: Path):
    path = tmp_path / "newer.db"
    migrate(SqliteDatabase(path))
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(TerrazulError, match="9999"):
        migrate(SqliteDatabase(path))


def _schema(path: Path) -> set[tuple[object, ...]]:
    """Columns, foreign keys and the columns of every index, however their definitions are written."""
    connection = sqlite3.connect(path)
    found: set[tuple[object, ...]] = set()
    for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        for name, *rest in connection.execute(f"SELECT name, type, \"notnull\", pk FROM pragma_table_info('{table}')"):
            found.add((table, "column", name, *([] if table == "alembic_version" else rest)))
        for row in connection.execute(f'SELECT "from", "table", "to" FROM pragma_foreign_key_list(\'{table}\')'):
            found.add((table, "foreign key", *row))
        for index, unique in connection.execute(f"SELECT name, \"unique\" FROM pragma_index_list('{table}')"):
            columns = connection.execute(f"SELECT name FROM pragma_index_info('{index}') ORDER BY seqno").fetchall()
            found.add((table, "index", unique, *[column for (column,) in columns]))
    connection.close()
    return found
