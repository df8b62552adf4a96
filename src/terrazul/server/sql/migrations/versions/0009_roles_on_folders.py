"""Roles on folders of experiments, the runs that these bound, and who has sent which contents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_OWNERS = ("user", "user_group")


def upgrade() -> None:
    """Go to this schema."""
    with op.batch_alter_table("role_assignment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("folder", sa.Text(), nullable=False, server_default=""))
        for owner in _OWNERS:
            batch_op.drop_constraint(f"uq_role_assignment_workspace_{owner}_role", type_="unique")
            batch_op.create_unique_constraint(
                f"uq_role_assignment_workspace_{owner}_role_folder", ["workspace", owner, "role", "folder"]
            )
    with op.batch_alter_table("token", schema=None) as batch_op:
        batch_op.add_column(sa.Column("bounded_by", sa.Integer(), nullable=True))
        batch_op.create_index("ix_token_bounded_by", ["bounded_by"])
    op.create_table(
        "sent_content",
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("user", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "digest", "user", name=op.f("pk_sent_content")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_sent_content_user"), "sent_content", ["user"])
