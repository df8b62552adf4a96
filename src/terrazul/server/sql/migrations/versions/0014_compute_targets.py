"""Compute targets, their nodes, and the runs that wait for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this schema."""
    op.create_table(
        "compute_target",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("state_since", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.Text(), nullable=False),
        sa.Column("resized_at", sa.BigInteger(), nullable=False),
        sa.Column("on_demand", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.id"], name=op.f("fk_compute_target_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compute_target")),
        sa.UniqueConstraint("workspace", "key", name=op.f("uq_compute_target_workspace_key")),
    )
    op.create_table(
        "compute_node",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("target", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("node_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["target"], ["compute_target.id"], name=op.f("fk_compute_node_target")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compute_node")),
        sa.UniqueConstraint("target", "number", name=op.f("uq_compute_node_target_number")),
        sa.UniqueConstraint("run", name=op.f("uq_compute_node_run")),
    )
    op.create_index("ix_compute_node_state", "compute_node", ["state", "target"])
    op.create_index("ix_compute_node_workspace", "compute_node", ["workspace"])
    with op.batch_alter_table("queue_entry", schema=None) as batch_op:
        batch_op.add_column(sa.Column("compute_target", sa.Integer(), nullable=True))
        batch_op.create_index("ix_queue_entry_compute_target", ["compute_target", "claimed_at"])
    with op.batch_alter_table("quota", schema=None) as batch_op:
        batch_op.add_column(sa.Column("compute_nodes", sa.BigInteger(), nullable=True))
