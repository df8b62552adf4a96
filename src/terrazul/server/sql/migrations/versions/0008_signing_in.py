"""Passwords, sessions, codes that open them, attempts that went wrong, and single sign-on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this schema."""
    op.create_table(
        "password",
        sa.Column("user", sa.Integer(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["user.id"], name=op.f("fk_password_user")),
        sa.PrimaryKeyConstraint("user", name=op.f("pk_password")),
    )
    op.create_table(
        "sign_in_attempt",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.Column("blocked_until", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_sign_in_attempt")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_sign_in_attempt_last_at"), "sign_in_attempt", ["last_at"])
    op.create_table(
        "session",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=36), nullable=False),
        sa.Column("user", sa.Integer(), nullable=False),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["user.id"], name=op.f("fk_session_user")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_session")),
        sa.UniqueConstraint("session_id", name=op.f("uq_session_session_id")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_session_user"), "session", ["user"])
    op.create_table(
        "sign_in_code",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("user", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["user.id"], name=op.f("fk_sign_in_code_user")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sign_in_code")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_sign_in_code_user"), "sign_in_code", ["user"])
    _add_single_sign_on()


def _add_single_sign_on() -> None:
    op.create_table(
        "sign_in_link",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("user", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["user.id"], name=op.f("fk_sign_in_link_user")),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_sign_in_link")),
        sa.UniqueConstraint("issuer", "user", name=op.f("uq_sign_in_link_issuer_user")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_sign_in_link_user"), "sign_in_link", ["user"])
    op.create_table(
        "sign_in_flow",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("callback", sa.Text(), nullable=False),
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("session", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sign_in_flow")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_sign_in_flow_origin"), "sign_in_flow", ["origin"])
    op.create_index(op.f("ix_sign_in_flow_expires_at"), "sign_in_flow", ["expires_at"])
    with op.batch_alter_table("user_group", schema=None) as batch_op:
        batch_op.add_column(sa.Column("follows_sign_in", sa.Boolean(), nullable=False, server_default=sa.false()))
