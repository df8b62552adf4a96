"""Parameters, numbers of experiments, the last point of a metric, logged models, deletions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from terrazul.server.sql.index_choice import indexed

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
SEARCHED: list[str | sa.ColumnElement[str]] = ["workspace", "key", indexed(sa.column("value"))]


def upgrade() -> None:
    """Go to this schema."""
    op.create_table(
        "run_parameter",
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_run_parameter_run")),
        sa.PrimaryKeyConstraint("run", "key", name=op.f("pk_run_parameter")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("run_parameter", schema=None) as batch_op:
        batch_op.create_index("ix_run_parameter_search", SEARCHED, unique=False)

    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("deleted_at", sa.BigInteger(), nullable=True))

    with op.batch_alter_table("experiment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("number", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("updated_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("deleted_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("artifact_location", sa.Text(), nullable=True))
    op.execute(
        "UPDATE experiment SET updated_at = created_at, number = CASE WHEN name = 'Default' THEN 0 ELSE "
        "(SELECT count(*) FROM experiment AS older WHERE older.workspace = experiment.workspace "
        "AND older.id <= experiment.id) END"
    )
    with op.batch_alter_table("experiment", schema=None) as batch_op:
        batch_op.alter_column("number", existing_type=sa.Integer(), nullable=False)
        batch_op.alter_column("updated_at", existing_type=sa.BigInteger(), nullable=False)
        batch_op.create_unique_constraint(batch_op.f("uq_experiment_workspace_number"), ["workspace", "number"])

    _add_search_indexes()
    _add_last_points()
    _add_inputs_and_models()
    _add_registry()
    _add_deletions()


def _add_last_points() -> None:
    with op.batch_alter_table("metric", schema=None) as batch_op:
        for name, kind in (("sequence", sa.Integer()), ("step", sa.BigInteger()), ("time", sa.BigInteger())):
            batch_op.add_column(sa.Column(f"last_{name}", kind, nullable=True))
    place = "(SELECT {} FROM metric_point WHERE metric_point.metric = metric.id AND sequence = metric.last_sequence)"
    op.execute(
        "UPDATE metric SET last_sequence = coalesce((SELECT sequence FROM metric_point WHERE metric = metric.id "
        "ORDER BY coalesce(step, sequence - 1) DESC, time DESC, sequence DESC LIMIT 1), 0)"
    )
    step, time = place.format("coalesce(step, sequence - 1)"), place.format("time")
    number = place.format("number")
    op.execute(f"UPDATE metric SET last_step = coalesce({step}, 0), last_time = coalesce({time}, 0)")  # noqa: S608  # our own text
    op.execute(f"UPDATE metric SET last_number = {number}")  # noqa: S608  # as above
    with op.batch_alter_table("metric", schema=None) as batch_op:
        for name, kind in (("sequence", sa.Integer()), ("step", sa.BigInteger()), ("time", sa.BigInteger())):
            batch_op.alter_column(f"last_{name}", existing_type=kind, nullable=False)


def _add_inputs_and_models() -> None:
    op.create_table(
        "dataset_input",
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("source_type", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("schema", sa.Text(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("context", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_dataset_input_run")),
        sa.PrimaryKeyConstraint("run", "name", "digest", name=op.f("pk_dataset_input")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("dataset_input", schema=None) as batch_op:
        batch_op.create_index("ix_dataset_input_search", ["workspace", "name", "digest"], unique=False)
    op.create_table(
        "logged_model",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.String(length=64), nullable=False),
        sa.Column("experiment", sa.Integer(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("model_type", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["experiment"], ["experiment.id"], name=op.f("fk_logged_model_experiment")),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_logged_model_run")),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.id"], name=op.f("fk_logged_model_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_logged_model")),
        sa.UniqueConstraint("workspace", "model_id", name=op.f("uq_logged_model_workspace_model_id")),
    )
    with op.batch_alter_table("logged_model", schema=None) as batch_op:
        batch_op.create_index("ix_logged_model_newest", ["experiment", "created_at", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_logged_model_run"), ["run"], unique=False)
    for name in ("logged_model_parameter", "logged_model_tag"):
        op.create_table(
            name,
            sa.Column("workspace", sa.Integer(), nullable=False),
            sa.Column("logged_model", sa.Integer(), nullable=False),
            sa.Column("key", sa.Text(), nullable=False),
            sa.Column("value", sa.Text(), nullable=False),
            sa.ForeignKeyConstraint(["logged_model"], ["logged_model.id"], name=op.f(f"fk_{name}_logged_model")),
            sa.PrimaryKeyConstraint("logged_model", "key", name=op.f(f"pk_{name}")),
            sqlite_with_rowid=False,
        )
        with op.batch_alter_table(name, schema=None) as batch_op:
            batch_op.create_index(f"ix_{name}_search", SEARCHED, unique=False)
    op.create_table(
        "logged_model_metric",
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("logged_model", sa.Integer(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("dataset_name", sa.Text(), nullable=False),
        sa.Column("dataset_digest", sa.Text(), nullable=False),
        sa.Column("number", sa.Float(), nullable=True),
        sa.Column("word", sa.Text(), nullable=True),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["logged_model"], ["logged_model.id"], name=op.f("fk_logged_model_metric_logged_model")
        ),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_logged_model_metric_run")),
        sa.PrimaryKeyConstraint(
            "logged_model", "key", "run", "dataset_name", "dataset_digest", name=op.f("pk_logged_model_metric")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "logged_model_file",
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("logged_model", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["logged_model"], ["logged_model.id"], name=op.f("fk_logged_model_file_logged_model")),
        sa.PrimaryKeyConstraint("logged_model", "path", name=op.f("pk_logged_model_file")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "run_model",
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.String(length=64), nullable=False),
        sa.Column("made", sa.Boolean(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_run_model_run")),
        sa.PrimaryKeyConstraint("run", "made", "model_id", name=op.f("pk_run_model")),
        sqlite_with_rowid=False,
    )


def _add_search_indexes() -> None:
    with op.batch_alter_table("metric", schema=None) as batch_op:
        batch_op.drop_index("ix_metric_last")
        batch_op.create_index("ix_metric_last", ["workspace", "name", "last_number", "run"], unique=False)
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.create_index("ix_run_started", ["workspace", "started_at", "created_at", "id"], unique=False)


def _add_registry() -> None:
    of_name = ("registered_model", "registered_model.id")
    op.create_table(
        "registered_model_detail",
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("registered_model", sa.Integer(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint([of_name[0]], [of_name[1]], name=op.f("fk_registered_model_detail_registered_model")),
        sa.PrimaryKeyConstraint("registered_model", name=op.f("pk_registered_model_detail")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "registered_model_tag",
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("registered_model", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint([of_name[0]], [of_name[1]], name=op.f("fk_registered_model_tag_registered_model")),
        sa.PrimaryKeyConstraint("registered_model", "key", name=op.f("pk_registered_model_tag")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("registered_model_tag", schema=None) as batch_op:
        batch_op.create_index("ix_registered_model_tag_search", SEARCHED, unique=False)
    op.create_table(
        "model_alias",
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("registered_model", sa.Integer(), nullable=False),
        sa.Column("alias", sa.String(length=255), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint([of_name[0]], [of_name[1]], name=op.f("fk_model_alias_registered_model")),
        sa.PrimaryKeyConstraint("registered_model", "alias", name=op.f("pk_model_alias")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "model_origin",
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("registered_model", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("run_link", sa.Text(), nullable=False),
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint([of_name[0]], [of_name[1]], name=op.f("fk_model_origin_registered_model")),
        sa.PrimaryKeyConstraint("registered_model", "version", name=op.f("pk_model_origin")),
        sqlite_with_rowid=False,
    )


def _add_deletions() -> None:
    with op.batch_alter_table("workspace", schema=None) as batch_op:
        batch_op.add_column(sa.Column("last_experiment_number", sa.Integer(), nullable=True))
    op.execute(
        "UPDATE workspace SET last_experiment_number = "
        "(SELECT coalesce(max(number), 0) FROM experiment WHERE experiment.workspace = workspace.id)"
    )
    with op.batch_alter_table("workspace", schema=None) as batch_op:
        batch_op.alter_column("last_experiment_number", existing_type=sa.Integer(), nullable=False)
    op.add_column("experiment", sa.Column("deletion", sa.Integer(), nullable=True))
    op.add_column("run", sa.Column("archived_at", sa.BigInteger(), nullable=True))
    op.add_column("run", sa.Column("deletion", sa.Integer(), nullable=True))
    for name in ("arrived_at", "asked_at", "released_at"):
        op.add_column("content", sa.Column(name, sa.BigInteger(), nullable=True))
    for name in ("asked_at", "released_at"):
        op.add_column("snapshot", sa.Column(name, sa.BigInteger(), nullable=True))
    for index, table, columns, where in (
        ("ix_run_snapshot", "run", ["workspace", "snapshot_id"], "snapshot_id IS NOT NULL"),
        ("ix_run_deletion", "run", ["deletion"], "deletion IS NOT NULL"),
        ("ix_content_released", "content", ["workspace"], "released_at IS NOT NULL"),
    ):
        op.create_index(index, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
    op.create_index("ix_logged_model_metric_run", "logged_model_metric", ["run"])
    op.create_index("ix_content_object", "content", ["workspace", "key"])
    for table in ("artifact", "logged_model_file", "model_file"):
        op.create_index(f"ix_{table}_content", table, ["workspace", "digest"])
    op.create_table(
        "dead_object",
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_dead_object")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "deletion",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.Integer(), nullable=False),
        sa.Column("deletion_id", sa.String(length=64), nullable=False),
        sa.Column("selection", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("experiments", sa.Integer(), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("models", sa.Integer(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("freed_bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.id"], name=op.f("fk_deletion_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deletion")),
        sa.UniqueConstraint("workspace", "deletion_id", name=op.f("uq_deletion_workspace_deletion_id")),
    )
    op.create_index("ix_deletion_state", "deletion", ["state"])
