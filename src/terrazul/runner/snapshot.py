"""The snapshot, laid out as the script's working directory."""

from __future__ import annotations

from pathlib import Path

from terrazul.node import files
from terrazul.node.connection import Connection, persist, workspace_path
from terrazul.node.stop import Stop
from terrazul.wire.job import Job
from terrazul.wire.snapshot import Snapshot, SnapshotFile


def materialise(job: Job, connection: Connection, root: Path, stop: Stop) -> list[SnapshotFile]:
    """Lay out the job's snapshot under a root; returns its files. Raises as ``files.lay_out`` does."""
    if job.snapshot_id is None:
        return []
    workspace = workspace_path(job)
    route = f"{workspace}/snapshots/{job.snapshot_id}"
    snapshot = persist(lambda: connection.ask(Snapshot, "GET", route), stop)
    laid_out = snapshot.manifest.files if snapshot.manifest else []
    files.lay_out(laid_out, connection, workspace, root, stop)
    return laid_out
