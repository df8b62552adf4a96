"""The order of a supervisor's reports, which may reach different processes; what searches of many runs look up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from terrazul.server.sql.index_choice import indexed

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this schema."""
    with op.batch_alter_table("webservice", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reported_sequence", sa.BigInteger(), nullable=False, server_default="0"))
    _add_search_indexes()


def _add_search_indexes() -> None:
    op.add_column("run", sa.Column("duration", sa.BigInteger(), nullable=True))
    op.execute("UPDATE run SET duration = ended_at - started_at")
    columns: dict[str, str | sa.ColumnElement[str]] = {
        "ended": "ended_at", "duration": "duration", "display_name": indexed(sa.column("display_name")),
    }  # fmt: skip
    with op.batch_alter_table("run", schema=None) as batch_op:
        for name, column in columns.items():
            batch_op.create_index(f"ix_run_{name}", ["workspace", column, "created_at", "id"], unique=False)
    op.create_index("ix_metric_point_time", "metric_point", ["metric", "time"])
