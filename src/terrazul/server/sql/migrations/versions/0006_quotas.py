"""Quotas of workspaces, the size of what they keep, and for whom a run waits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this schema."""
    op.create_table(
        "quota",
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("storage_bytes", sa.BigInteger(), nullable=True),
        sa.Column("concurrent_runs", sa.BigInteger(), nullable=True),
        sa.Column("running_per_user", sa.BigInteger(), nullable=True),
        sa.Column("waiting_per_user", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.id"], name=op.f("fk_quota_workspace")),
        sa.PrimaryKeyConstraint("workspace", name=op.f("pk_quota")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "content_total",
        sa.Column("workspace", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", name=op.f("pk_content_total")),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO content_total (workspace, bytes) SELECT workspace, sum(size) FROM content GROUP BY workspace"
    )
    with op.batch_alter_table("queue_entry", schema=None) as batch_op:
        batch_op.add_column(sa.Column("submitted_by", sa.Text(), nullable=False, server_default=""))
        batch_op.create_index("ix_queue_entry_user", ["workspace", "submitted_by"])
    op.execute(
        "UPDATE queue_entry SET submitted_by = (SELECT root.created_by FROM run JOIN run AS root ON root.id = run.root "
        "WHERE run.id = queue_entry.run)"
    )
