"""Datastores, the default of each workspace, and what the built-in ones hold."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this schema."""
    op.create_table(
        "datastore",
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("credential_type", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.id"], name=op.f("fk_datastore_workspace")),
        sa.PrimaryKeyConstraint("workspace", "key", name=op.f("pk_datastore")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "default_datastore",
        sa.Column("workspace", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.id"], name=op.f("fk_default_datastore_workspace")),
        sa.PrimaryKeyConstraint("workspace", name=op.f("pk_default_datastore")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "datastore_total",
        sa.Column("workspace", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.id"], name=op.f("fk_datastore_total_workspace")),
        sa.PrimaryKeyConstraint("workspace", name=op.f("pk_datastore_total")),
        sqlite_with_rowid=False,
    )
