"""Users, groups, roles, and whose a token is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this schema. What the server's home holds as its token becomes a user's at the next start."""
    op.create_table(
        "user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user")),
        sa.UniqueConstraint("name", name=op.f("uq_user_name")),
    )
    op.create_table(
        "user_group",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_group")),
        sa.UniqueConstraint("name", name=op.f("uq_user_group_name")),
    )
    op.create_table(
        "user_group_member",
        sa.Column("user_group", sa.Integer(), nullable=False),
        sa.Column("user", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["user.id"], name=op.f("fk_user_group_member_user")),
        sa.ForeignKeyConstraint(["user_group"], ["user_group.id"], name=op.f("fk_user_group_member_user_group")),
        sa.PrimaryKeyConstraint("user_group", "user", name=op.f("pk_user_group_member")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_user_group_member_user"), "user_group_member", ["user"])
    op.create_table(
        "role",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("actions", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_role")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "role_assignment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("user", sa.Integer(), nullable=True),
        sa.Column("user_group", sa.Integer(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["user.id"], name=op.f("fk_role_assignment_user")),
        sa.ForeignKeyConstraint(["user_group"], ["user_group.id"], name=op.f("fk_role_assignment_user_group")),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.id"], name=op.f("fk_role_assignment_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_assignment")),
        sa.UniqueConstraint("workspace", "user", "role", name=op.f("uq_role_assignment_workspace_user_role")),
        sa.UniqueConstraint(
            "workspace", "user_group", "role", name=op.f("uq_role_assignment_workspace_user_group_role")
        ),
    )
    op.create_index(op.f("ix_role_assignment_user"), "role_assignment", ["user"])
    op.create_index(op.f("ix_role_assignment_user_group"), "role_assignment", ["user_group"])
    with op.batch_alter_table("token", schema=None) as batch_op:
        batch_op.add_column(sa.Column("token_id", sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column("user", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("label", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("actions", sa.Text(), nullable=True))
        batch_op.create_unique_constraint(batch_op.f("uq_token_token_id"), ["token_id"])
        batch_op.create_foreign_key(batch_op.f("fk_token_user"), "user", ["user"], ["id"])
        batch_op.create_index(batch_op.f("ix_token_user"), ["user"])
