"""The schema of a new database is the one to which the migrations lead."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from terrazul.core.errors import TerrazulError
from terrazul.server import services  # noqa: F401  # defines all tables
from terrazul.server.sql.kind import DatabaseKind
from terrazul.server.sql.kinds.sqlite import SqliteDatabase
from terrazul.server.sql.metadata import metadata
from terrazul.server.sql.migration import HEAD, SCRIPTS, migrate

POSTGRESQL_SCHEMA = (
    (
        "SELECT table_name, column_name, data_type, is_nullable, collation_name FROM information_schema.columns "
        "WHERE table_schema = 'public'"
    ),
    "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    (
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace"
    ),
)
WORKSPACE = {
    "id": 1, "workspace_id": "w", "subscription_id": "s", "resource_group": "g", "name": "n", "scope": "s/g/n",
    "location": "", "friendly_name": "", "description": "", "tags": "{}", "created_at": 7, "created_by": "me",
}  # fmt: skip
EXPERIMENT = {
    "workspace": 1, "description": "", "tags": "{}", "created_at": 7, "created_by": "me", "last_run_number": 1,
    "run_count": 1,
}  # fmt: skip
RUN = {
    "id": 1, "workspace": 1, "run_id": "r", "experiment": 1, "number": 1, "type": "t", "state": "Completed",
    "display_name": "", "description": "", "created_at": 7, "created_by": "me", "target": "local", "warnings": "[]",
    "attempt": 1, "interactive": True, "root": 1, "started_at": 2, "ended_at": 9,
}  # fmt: skip
METRIC = {"id": 1, "workspace": 1, "run": 1, "name": "m", "kind": "scalar", "description": "", "count": 2}
POINT = {"workspace": 1, "metric": 1, "form": 0}
ROWS = [
    ("workspace", WORKSPACE),
    *(
        ("experiment", {**EXPERIMENT, "id": key, "experiment_id": f"e{key}", "name": name})
        for key, name in enumerate(("first", "Default", "third"), 1)
    ),
    ("run", RUN),
    ("run_tag", {"workspace": 1, "run": 1, "key": "k", "value": "v" * 5_000}),
    ("metric", METRIC),
    ("metric_point", {**POINT, "sequence": 1, "step": 9, "time": 3, "number": 0.5}),
    ("metric_point", {**POINT, "sequence": 2, "step": 4, "time": 8, "number": 0.7}),
    *(("content", {"workspace": 1, "digest": each * 64, "size": 5, "key": "1/packs/p", "offset": 0}) for each in "ab"),
    ("queue_entry", {"workspace": 1, "run": 1, "target": "local", "priority": 0, "queued_at": 7}),
    ("run", {**RUN, "id": 2, "run_id": "gang", "root": 2, "definition": '{"node_count":3}'}),
    ("queue_entry", {"workspace": 1, "run": 2, "target": "local", "priority": 0, "queued_at": 8}),
]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    return config


def _migrate_to(kind: DatabaseKind, revision: str) -> None:
    config = _config()
    with kind.changing_schema() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def test_head_is_the_newest_migration():
    assert ScriptDirectory.from_config(_config()).get_current_head() == HEAD


def test_migrations_lead_to_the_tables_of_the_code(tmp_path: Path):
    kind = SqliteDatabase(tmp_path / "migrated.db")
    _migrate_to(kind, "head")
    with kind.engine().connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0004", "0005", "0008", "head"])
def test_new_database_equals_a_migrated_one(new_kind: Callable[[], DatabaseKind], revision: str):
    new, old = new_kind(), new_kind()
    migrate(new)
    _migrate_to(old, revision)
    migrate(old)
    assert old.revision() == HEAD
    assert _schema(new) == _schema(old)


def test_what_the_first_schema_held_is_there_after_all_migrations(new_kind: Callable[[], DatabaseKind]):
    kind = new_kind()
    _migrate_to(kind, "0001")
    engine = kind.engine()
    with engine.begin() as connection:
        for table, row in ROWS:
            names, values = ", ".join(f'"{name}"' for name in row), ", ".join(f":{name}" for name in row)
            connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)
    migrate(kind)
    with engine.connect() as connection:
        numbers = "SELECT name, number, updated_at FROM experiment ORDER BY id"
        assert connection.execute(text(numbers)).all() == [("first", 1, 7), ("Default", 0, 7), ("third", 3, 7)]
        last = "SELECT last_number, last_step, last_time, last_sequence FROM metric"
        assert connection.execute(text(last)).all() == [(0.5, 9, 3, 1)]
        assert connection.execute(text("SELECT value FROM run_tag")).scalar_one() == "v" * 5_000
        assert connection.execute(text("SELECT workspace, bytes FROM content_total")).all() == [(1, 10)]
        assert connection.execute(text("SELECT submitted_by FROM queue_entry")).all() == [("me",), ("me",)]
        assert connection.execute(text("SELECT node_count FROM queue_entry ORDER BY run")).all() == [(1,), (3,)]
        assert connection.execute(text("SELECT duration FROM run WHERE id = 1")).scalar_one() == 7


def test_upgrade_that_fails_leaves_the_database_as_it_was(new_kind: Callable[[], DatabaseKind]):
    kind = new_kind()
    _migrate_to(kind, "0001")
    before = _schema(kind)
    with kind.changing_schema() as connection:
        connection.execute(text("CREATE TABLE logged_model (id INTEGER)"))  # the last but one migration meets it
    with pytest.raises(DBAPIError):
        migrate(kind)
    assert kind.revision() == "0001"
    with kind.changing_schema() as connection:
        connection.execute(text("DROP TABLE logged_model"))
    assert _schema(kind) == before
    migrate(kind)


def test_database_of_a_newer_version_is_refused(new_kind: Callable[[], DatabaseKind]):
    kind = new_kind()
    migrate(kind)
    with kind.changing_schema() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(TerrazulError, match="9999"):
        migrate(kind)


def _schema(kind: DatabaseKind) -> set[tuple[object, ...]]:
    if isinstance(kind, SqliteDatabase):
        return _sqlite_schema(kind.address)
    with kind.engine().connect() as connection:
        found = [tuple(row) for query in POSTGRESQL_SCHEMA for row in connection.execute(text(query))]
    return {row for row in found if "alembic_version" not in row[0]}


def _sqlite_schema(path: str) -> set[tuple[object, ...]]:
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
