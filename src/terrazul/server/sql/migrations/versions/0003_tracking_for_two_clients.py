"""Parameters, numbers of experiments, and what is deleted softly."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


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
        batch_op.create_index("ix_run_parameter_search", ["workspace", "key", "value"], unique=False)

    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("deleted_at", sa.BigInteger(), nullable=True))

    with op.batch_alter_table("experiment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("number", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("updated_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("deleted_at", sa.BigInteger(), nullable=True))
    op.execute(
        "UPDATE experiment SET updated_at = created_at, number = "
        "(SELECT count(*) FROM experiment AS older WHERE older.workspace = experiment.workspace "
        "AND older.id <= experiment.id)"
    )
    with op.batch_alter_table("experiment", schema=None) as batch_op:
        batch_op.alter_column("number", existing_type=sa.Integer(), nullable=False)
        batch_op.alter_column("updated_at", existing_type=sa.BigInteger(), nullable=False)
        batch_op.create_unique_constraint(batch_op.f("uq_experiment_workspace_number"), ["workspace", "number"])

    _add_search_indexes()


def _add_search_indexes() -> None:
    with op.batch_alter_table("metric", schema=None) as batch_op:
        batch_op.drop_index("ix_metric_last")
        batch_op.create_index("ix_metric_last", ["workspace", "name", "last_number", "run"], unique=False)
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.create_index("ix_run_started", ["workspace", "started_at", "created_at", "id"], unique=False)
