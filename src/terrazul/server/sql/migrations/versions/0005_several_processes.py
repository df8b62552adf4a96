"""The order of a supervisor's reports, which may reach different processes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this schema."""
    with op.batch_alter_table("webservice", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reported_sequence", sa.BigInteger(), nullable=False, server_default="0"))
