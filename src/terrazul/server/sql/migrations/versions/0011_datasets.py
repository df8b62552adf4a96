"""Datasets, their names, tags, and what lay behind them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from terrazul.server.sql.index_choice import indexed

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None
SEARCHED: list[str | sa.ColumnElement[str]] = ["workspace", "key", indexed(sa.column("value"))]


def upgrade() -> None:
    """Go to this schema."""
    op.create_table(
        "registered_dataset",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("last_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.id"], name=op.f("fk_registered_dataset_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registered_dataset")),
        sa.UniqueConstraint("workspace", "name", name=op.f("uq_registered_dataset_workspace_name")),
    )
    op.create_table(
        "dataset",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.String(length=36), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("registered_dataset", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("deprecated_by", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["registered_dataset"], ["registered_dataset.id"], name=op.f("fk_dataset_registered_dataset")
        ),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.id"], name=op.f("fk_dataset_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset")),
        sa.UniqueConstraint("registered_dataset", "version", name=op.f("uq_dataset_registered_dataset_version")),
        sa.UniqueConstraint("workspace", "dataset_id", name=op.f("uq_dataset_workspace_dataset_id")),
    )
    op.create_index("ix_dataset_definition", "dataset", ["workspace", "digest"])
    op.create_table(
        "dataset_content",
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("dataset", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("files_digest", sa.String(length=64), nullable=False),
        sa.Column("file_count", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("data_changed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["dataset"], ["dataset.id"], name=op.f("fk_dataset_content_dataset")),
        sa.PrimaryKeyConstraint("dataset", name=op.f("pk_dataset_content")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_dataset_content_content", "dataset_content", ["workspace", "digest"])
    op.create_table(
        "dataset_tag",
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("dataset", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["dataset"], ["dataset.id"], name=op.f("fk_dataset_tag_dataset")),
        sa.PrimaryKeyConstraint("dataset", "key", name=op.f("pk_dataset_tag")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_dataset_tag_search", "dataset_tag", SEARCHED)
