"""Where the routes of a run begin."""

from __future__ import annotations

from terrazul.node.connection import workspace_path
from terrazul.wire.job import Job


def run_path(job: Job) -> str:
    """The path of the job's run."""
    return f"{workspace_path(job)}/runs/{job.run_id}"
