"""Users, groups, roles, whose a token is, the activity log, and the key vault."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_SEALED = (
    "workspace", "owner", "name", "label", "content_type", "master_key", "wrapped_key", "content",
    "created_at", "created_by", "updated_at", "updated_by",
)  # fmt: skip


def upgrade() -> None:
    """Go to this schema. What the server's home holds as its token becomes a user's at the next start."""
    _add_users_and_roles()
    _add_vault()


def _add_vault() -> None:
    """What web services held openly moves into the vault, which seals it at the next start."""
    op.create_table(
        "sealed_value",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("master_key", sa.String(length=16), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.id"], name=op.f("fk_sealed_value_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sealed_value")),
        sa.UniqueConstraint("workspace", "owner", "name", name=op.f("uq_sealed_value_workspace_owner_name")),
    )
    op.create_index(op.f("ix_sealed_value_master_key"), "sealed_value", ["master_key"])
    op.create_table(
        "master_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_master_key")),
    )
    with op.batch_alter_table("queue_entry", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reads_secrets", sa.Boolean(), nullable=False, server_default=sa.true()))
    _move_secrets_of_web_services()


def _move_secrets_of_web_services() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete=ON")  # what was there is overwritten
    sealed = sa.table("sealed_value", *map(sa.column, _SEALED))

    def move(service: Any, name: str, value: str) -> None:
        place = [service.workspace, "webservice", f"{service.name}/{name}", f"{service.name}/{name}", "", "", b""]
        made = [service.created_at, service.created_by] * 2
        connection.execute(sealed.insert().values(dict(zip(_SEALED, [*place, value.encode(), *made], strict=True))))

    services = {row.id: row for row in connection.execute(sa.text("SELECT * FROM webservice"))}
    for service in services.values():
        move(service, "primary_key", service.primary_key)
        move(service, "secondary_key", service.secondary_key)
    update = sa.text("UPDATE webservice_revision SET settings = :settings WHERE webservice = :id AND number = :number")
    for row in connection.execute(sa.text("SELECT webservice, number, settings FROM webservice_revision")).all():
        settings = json.loads(row.settings)
        if settings.get("ssl_key"):
            move(services[row.webservice], f"{row.number}/ssl_key", settings["ssl_key"])
            kept = json.dumps({**settings, "ssl_key": ""})
            connection.execute(update, {"settings": kept, "id": row.webservice, "number": row.number})
    with op.batch_alter_table("webservice", schema=None) as batch_op:
        batch_op.drop_column("primary_key")
        batch_op.drop_column("secondary_key")


def _add_users_and_roles() -> None:
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
    op.create_table(
        "activity",
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("time", sa.String(length=27), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=True),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("through", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("change", sa.String(length=16), nullable=False),
        sa.Column("object_type", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("correlation_id", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_activity")),
    )
    op.create_index("ix_activity_workspace", "activity", ["workspace_id", "sequence"])
    op.create_index("ix_activity_object", "activity", ["object_id", "sequence"])
    refusal = "the activity log is never changed"
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER activity_no_{verb.lower()} BEFORE {verb} ON activity "
                f"BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
            )
    else:
        op.execute(
            "CREATE FUNCTION activity_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{refusal}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER activity_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON activity "
            "FOR EACH STATEMENT EXECUTE FUNCTION activity_refuse()"
        )
    with op.batch_alter_table("token", schema=None) as batch_op:
        batch_op.add_column(sa.Column("token_id", sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column("user", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("label", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("actions", sa.Text(), nullable=True))
        batch_op.create_unique_constraint(batch_op.f("uq_token_token_id"), ["token_id"])
        batch_op.create_foreign_key(batch_op.f("fk_token_user"), "user", ["user"], ["id"])
        batch_op.create_index(batch_op.f("ix_token_user"), ["user"])
