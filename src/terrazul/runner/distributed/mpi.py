"""Open MPI: its own launcher starts the processes of a run, where there is one and all nodes are on this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from terrazul.wire.heartbeat import RunMember

MPI_LOG = "azureml-logs/70_mpi_log.txt"
_OPEN_MPI = b"(Open MPI)"
_RANK_PROGRAM = str(Path(__file__).with_name("rank.py"))


class Rank(NamedTuple):
    """One process: what it is, what it finds around it beside what all find, and where its output goes."""

    command: Sequence[str]
    variables: Mapping[str, str]
    log: str


class RankEnd(NamedTuple):
    """How a process ended, and when, in microseconds."""

    rank: int
    exit_code: int
    time: int


def launcher(members: Sequence[RunMember], search_path: str) -> str | None:
    """The program that starts the processes of all nodes; None where these are started one by one, on their nodes."""
    is_one_machine = len({member.address for member in members}) == 1
    program = shutil.which("mpirun", path=search_path) if is_one_machine else None
    if program is None:
        return None
    told = subprocess.run([program, "--version"], capture_output=True, stdin=subprocess.DEVNULL, check=False)
    return program if _OPEN_MPI in told.stdout else None


def command(program: str, ranks: Sequence[Rank], folder: Path) -> list[str]:
    """What starts all of them; ``folder`` is for what is told to them, and by them."""
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "ranks.json").write_text(json.dumps([rank._asdict() for rank in ranks]))
    as_root = ["--allow-run-as-root"] if os.geteuid() == 0 else []
    how = [*as_root, "--oversubscribe", "--bind-to", "none", "-np", str(len(ranks))]
    return [program, *how, sys.executable, "-I", "-S", _RANK_PROGRAM, str(folder)]


def first_failure(folder: Path) -> RankEnd | None:
    """The process that failed first; None where none did, so that it was the launcher itself."""
    ends = [RankEnd(**json.loads(file.read_text())) for file in folder.glob("*.end")]
    failed = sorted((end for end in ends if end.exit_code), key=lambda end: end.time)
    return failed[0] if failed else None
