"""Models, lineage, images and web services."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from terrazul.server.sql.index_choice import indexed

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
SEARCHED: list[str | sa.ColumnElement[str]] = ["workspace", "key", indexed(sa.column("value"))]


def upgrade() -> None:
    """Go to this schema."""
    op.create_table(
        "edge",
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("user_type", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("used_type", sa.String(length=32), nullable=False),
        sa.Column("used_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "workspace", "user_type", "user_id", "used_type", "used_id", "role", name=op.f("pk_edge")
        ),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("edge", schema=None) as batch_op:
        batch_op.create_index("ix_edge_used", ["workspace", "used_type", "used_id"], unique=False)

    op.create_table(
        "image",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("registration_id", sa.String(length=64), nullable=False),
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("properties", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.id"], name=op.f("fk_image_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_image")),
        sa.UniqueConstraint("workspace", "name", "version", name=op.f("uq_image_workspace_name_version")),
        sa.UniqueConstraint("workspace", "registration_id", name=op.f("uq_image_workspace_registration_id")),
    )
    op.create_table(
        "registered_model",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("last_version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.id"], name=op.f("fk_registered_model_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registered_model")),
        sa.UniqueConstraint("workspace", "name", name=op.f("uq_registered_model_workspace_name")),
    )
    op.create_table(
        "webservice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("compute_type", sa.String(length=16), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("properties", sa.Text(), nullable=False),
        sa.Column("deployment_id", sa.String(length=64), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("primary_key", sa.Text(), nullable=False),
        sa.Column("secondary_key", sa.Text(), nullable=False),
        sa.Column("wanted_revision", sa.Integer(), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("reloads", sa.Integer(), nullable=False),
        sa.Column("deleting", sa.Boolean(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("placement", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("orders_known", sa.Integer(), nullable=False),
        sa.Column("orders_carried_out", sa.Integer(), nullable=False),
        sa.Column("serving_revision", sa.Integer(), nullable=False),
        sa.Column("healthy_revision", sa.Integer(), nullable=False),
        sa.Column("workers", sa.Integer(), nullable=False),
        sa.Column("reported_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.id"], name=op.f("fk_webservice_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webservice")),
        sa.UniqueConstraint("port", name=op.f("uq_webservice_port")),
        sa.UniqueConstraint("workspace", "name", name=op.f("uq_webservice_workspace_name")),
    )
    op.create_table(
        "model",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("registered_model", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("registration_id", sa.String(length=64), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("framework", sa.Text(), nullable=False),
        sa.Column("framework_version", sa.Text(), nullable=False),
        sa.Column("mlflow", sa.Text(), nullable=True),
        sa.Column("sample_input_dataset_id", sa.Text(), nullable=False),
        sa.Column("sample_output_dataset_id", sa.Text(), nullable=False),
        sa.Column("resource_configuration", sa.Text(), nullable=True),
        sa.Column("datasets", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("experiment_name", sa.Text(), nullable=False),
        sa.Column("snapshot_id", sa.String(length=36), nullable=True),
        sa.Column("parent_id", sa.Text(), nullable=False),
        sa.Column("file_count", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["registered_model"], ["registered_model.id"], name=op.f("fk_model_registered_model")),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.id"], name=op.f("fk_model_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model")),
        sa.UniqueConstraint("registered_model", "version", name=op.f("uq_model_registered_model_version")),
        sa.UniqueConstraint("workspace", "registration_id", name=op.f("uq_model_workspace_registration_id")),
    )
    with op.batch_alter_table("model", schema=None) as batch_op:
        batch_op.create_index("ix_model_newest", ["workspace", "created_at", "id"], unique=False)
        batch_op.create_index("ix_model_of_run", ["workspace", "run_id"], unique=False)

    op.create_table(
        "webservice_revision",
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("webservice", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("image_id", sa.Text(), nullable=False),
        sa.Column("since_order", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["webservice"], ["webservice.id"], name=op.f("fk_webservice_revision_webservice")),
        sa.PrimaryKeyConstraint("webservice", "number", name=op.f("pk_webservice_revision")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "model_file",
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("model", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["model"], ["model.id"], name=op.f("fk_model_file_model")),
        sa.PrimaryKeyConstraint("model", "path", name=op.f("pk_model_file")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "model_property",
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("model", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["model"], ["model.id"], name=op.f("fk_model_property_model")),
        sa.PrimaryKeyConstraint("model", "key", name=op.f("pk_model_property")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("model_property", schema=None) as batch_op:
        batch_op.create_index("ix_model_property_search", SEARCHED, unique=False)

    op.create_table(
        "model_tag",
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("model", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["model"], ["model.id"], name=op.f("fk_model_tag_model")),
        sa.PrimaryKeyConstraint("model", "key", name=op.f("pk_model_tag")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("model_tag", schema=None) as batch_op:
        batch_op.create_index("ix_model_tag_search", SEARCHED, unique=False)

    with op.batch_alter_table("token", schema=None) as batch_op:
        batch_op.add_column(sa.Column("webservice", sa.Text(), nullable=True))
        batch_op.create_index(batch_op.f("ix_token_webservice"), ["webservice"], unique=False)
