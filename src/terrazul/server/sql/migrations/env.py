"""How Alembic runs our migrations: in one transaction, so that a killed upgrade leaves the database as it was."""

from __future__ import annotations

from typing import Any

from alembic import context
from sqlalchemy import create_engine, event
from sqlalchemy.pool import NullPool

from terrazul.server.sql.metadata import metadata

engine = create_engine(str(context.config.get_main_option("sqlalchemy.url")), poolclass=NullPool)


@event.listens_for(engine, "connect")
def configure(connection: Any, _record: Any) -> None:
    """Let transactions hold schema changes too, which the driver's own way would not."""
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous=FULL")


@event.listens_for(engine, "begin")
def begin(connection: Any) -> None:
    """Begin the transaction that the driver would begin too late."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()
