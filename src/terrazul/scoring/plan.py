"""What a service is told: how its workers start, how requests are treated, and why a revision does not serve."""

from __future__ import annotations

from dataclasses import field
from typing import List, Mapping, Optional

from terrazul.core.dataclass import dataclass

INIT_TIMEOUT_SECONDS = 300.0
BODY_LIMIT = 256 << 20


@dataclass(frozen=True)
class WorkerPlan:
    """What the workers of a revision are started with."""

    python: str
    """The interpreter of the environment."""
    entry_script: str
    """Its path; empty for a driver."""
    driver: str
    """``entry_script``, or the module in ``scoring.worker.drivers``."""
    app_root: str
    """The source directory, in which the workers run."""
    variables: Mapping[str, str]
    """All environment variables of a worker; ``PYTHONPATH`` leads to our copy."""


@dataclass(frozen=True)
class ServingOptions:
    """How requests are treated, and what the workers may use."""

    worker_count: int = 1
    scoring_timeout_ms: int = 3_600_000
    queue_limit: int = 256
    max_request_wait_ms: Optional[int] = None
    max_batch_size: int = 1
    cors_origins: List[str] = field(default_factory=list)
    memory_bytes: Optional[int] = None
    """What all workers together may keep in memory; None for no limit."""
    cpu_cores: Optional[float] = None
    init_timeout_seconds: float = INIT_TIMEOUT_SECONDS
    body_limit: int = BODY_LIMIT
    server_version: str = ""
    """The value of ``x-ms-server-version``; empty to leave it out."""


@dataclass(frozen=True)
class Trouble:
    """Why workers do not serve, in a sentence; ``details`` is a traceback or the end of the log."""

    code: str
    message: str
    details: str = ""
    hint: str = ""


class RevisionFailed(Exception):
    """The workers of a revision did not become ready; those of the one before go on."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.message)
        self.trouble = trouble
        self.code = trouble.code
        self.message = trouble.message
        self.details = trouble.details
        self.hint = trouble.hint
