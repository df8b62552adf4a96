"""The folder of one attempt: job, journal, spool, logs and working directory, readable by their owner only."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from terrazul.core.errors import Conflict, InvalidInput, NotFound
from terrazul.wire import codec
from terrazul.wire.job import Job

BUILD_LOG = "azureml-logs/20_image_build_log.txt"
PREPARATION_LOG = "azureml-logs/65_job_prep_log.txt"
SCRIPT_LOG = "azureml-logs/70_driver_log.txt"
FINISH_LOG = "azureml-logs/75_job_post_log.txt"
RUNNER_LOGS = (BUILD_LOG, PREPARATION_LOG, SCRIPT_LOG, FINISH_LOG)


def log_name(name: str, job: Job) -> str:
    """What one of the runner's own logs is called among the run's files: each node of several has its own."""
    return name if job.node_count == 1 or name == SCRIPT_LOG else f"{name[:-4]}_{job.member}.txt"


def rank_log(rank: int) -> str:
    """The log of one process of a distributed run."""
    return f"{SCRIPT_LOG[:-4]}_{rank}.txt"


class RunFolder:
    """Where everything of one attempt lies."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.job_file = self.root / "job.json"
        self.work = self.root / "work"
        self.journal = self.root / "journal"
        self.spool = self.root / "spool"
        self.data = self.root / "data"
        self._delivered = self.root / "delivered"

    def log(self, name: str) -> Path:
        """The file of one of the runner's own logs."""
        return self.root / name

    def script_logs(self) -> list[str]:
        """The logs that there are of the script's processes."""
        found = sorted(self.log(SCRIPT_LOG).parent.glob("70_*.txt"))
        return [file.relative_to(self.root).as_posix() for file in found]

    def read_job(self) -> Job:
        """The job. Raises ``NotFound`` or ``InvalidInput``."""
        try:
            return codec.decode(Job, self.job_file.read_bytes())
        except FileNotFoundError:
            raise NotFound(
                f"There is no job in {self.root}.",
                target=str(self.job_file),
                hint="Name the folder of a run's attempt.",
            ) from None
        except (ValueError, TypeError, KeyError) as problem:
            raise InvalidInput(
                f"The job in {self.root} cannot be read: {problem}.", target=str(self.job_file)
            ) from None

    def prepare(self) -> None:
        """Make the folders that every attempt has."""
        for folder in (self.work, self.spool, self.log(SCRIPT_LOG).parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Hold the folder for this process. Raises ``Conflict`` while another runner holds it."""
        descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise Conflict(f"Another runner is at work in {self.root}.", target=str(self.root)) from None
        finally:
            os.close(descriptor)

    @property
    def delivered(self) -> bool:
        """True when the server has everything."""
        return self._delivered.exists()

    def mark_delivered(self) -> None:
        """Note that the server has everything, and free what only this machine needed."""
        self._delivered.touch(mode=0o600)
        for folder in (self.work, self.spool, self.data):
            shutil.rmtree(folder, ignore_errors=True)
