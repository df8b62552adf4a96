"""The order of the queue: how many nodes runs need, and an index by the lines of targets."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this schema."""
    with op.batch_alter_table("queue_entry", schema=None) as batch_op:
        batch_op.drop_index("ix_queue_entry_order")
        batch_op.drop_index("ix_queue_entry_compute_target")
        batch_op.add_column(sa.Column("node_count", sa.Integer(), server_default="1", nullable=False))
    _fill()
    with op.batch_alter_table("queue_entry", schema=None) as batch_op:
        batch_op.alter_column("node_count", server_default=None)
    of, priority = ("claimed_at", "compute_target", "workspace", "submitted_by"), sa.text("priority DESC")
    op.create_index("ix_queue_entry_line", "queue_entry", [*of, priority, "queued_at", "run"])


def _fill() -> None:
    """Take what runs need from their definitions."""
    connection = op.get_bind()
    query = "SELECT run.id, run.definition FROM queue_entry JOIN run ON run.id = queue_entry.run"
    for key, definition in connection.execute(sa.text(query)).all():
        nodes = json.loads(definition or "{}").get("node_count", 1)
        if nodes != 1:
            change = sa.text("UPDATE queue_entry SET node_count = :nodes WHERE run = :run")
            connection.execute(change, {"nodes": nodes, "run": key})
