"""The objects that clients put into the storage by themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this schema."""
    op.create_table(
        "expected_object",
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("upload", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("user", sa.Integer(), nullable=True),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_expected_object")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_expected_object_asked_at"), "expected_object", ["asked_at"])
    op.create_index("ix_expected_object_upload", "expected_object", ["workspace", "upload"])
