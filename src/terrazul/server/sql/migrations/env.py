"""How Alembic runs our migrations: in the transaction of who calls, so that a killed upgrade changes nothing."""

from __future__ import annotations

from alembic import context

from terrazul.server.sql.metadata import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
